"""Every residual branch starts closed, behind a scalar that is zero.

The model needs the scalars: `gated` in its settings. Weights are as `standard` has them, but
not made smaller for depth, since a closed branch adds nothing.

Source: Bachlechner et al. 2020, "ReZero is All You Need: Fast Convergence at Large Depth".
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab.inits import standard
from forescale.lab.inits._contract import Init, Role


def fill(p: Tensor, name: str, role: Role, generator: torch.Generator) -> None:
    """Zero for gates; the rest as `standard`."""
    if name.endswith("gate"):
        p.zero_()
    else:
        standard.fill(p, name, replace(role, residual=False), generator)


def finish(module: nn.Module, generator: torch.Generator) -> None:
    """Refuse a module that has branches and no gates.

    Raises:
        BadOption: If it is one.
    """
    names = [n for n, _ in module.named_parameters()]
    if getattr(module, "residuals", ()) and not any(n.endswith("gate") for n in names):
        raise BadOption(
            "init 'rezero' closes gates that the model does not have",
            fix="set gated = true in the model's settings",
        )


INIT = Init(
    name="rezero",
    what="Residual branches start behind a scalar that is zero.",
    source="Bachlechner et al. 2020, ReZero is All You Need: Fast Convergence at Large Depth",
    fill=fill,
    finish=finish,
)
