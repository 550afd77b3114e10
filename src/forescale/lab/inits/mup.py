"""Maximal update parametrisation: the best learning rate of a small width serves all widths.

Against `standard`: the head starts at zero (its scale is then its rate's business), and rates
of matrices fall with the fan-in that grows, as the family of the optimizer asks.

Source: Yang et al. 2022, "Tensor Programs V: Tuning Large Neural Networks via Zero-Shot
Hyperparameter Transfer", tables 3 and 8.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.lab.inits import standard
from forescale.lab.inits._contract import Family, Init, Role

#: How much faster than the hidden matrices the output layer moves at the base width. The theory
#: leaves this constant free. With 1 wide networks learn their head slowly: byte GPTs of width 64
#: end 256 steps at 2.07, with 4 at 1.96; after 1024 steps the two are equal, and 8 is worse.
OUTPUT = 4.0


def fill(p: Tensor, name: str, role: Role, generator: torch.Generator) -> None:
    """As `standard`, but for the output layer, which starts at zero."""
    if role.kind == "output":
        p.zero_()
    else:
        standard.fill(p, name, role, generator)


def scale(role: Role, family: Family) -> float:
    """Factor on the learning rate against that at the base width."""
    wider = role.wider
    if family == "sign":
        # Every entry moves by the rate: a sum over more inputs must move less per entry.
        return {"hidden": 1.0 / wider, "output": OUTPUT / wider}.get(role.kind, 1.0)
    if family == "gradient":
        return {"input": wider, "vector": wider, "output": 1.0 / wider}.get(role.kind, 1.0)
    # A spectral step has the norm that it should have at every width.
    return 1.0


INIT = Init(
    name="mup",
    what="Maximal update parametrisation: the learning rate transfers across widths.",
    source="Yang et al. 2022, Tensor Programs V: Tuning Large Neural Networks via Zero-Shot "
    "Hyperparameter Transfer",
    fill=fill,
    scale=scale,
)
