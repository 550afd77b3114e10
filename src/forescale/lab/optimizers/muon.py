"""Muon: momentum made orthogonal for hidden matrices, Adam for the rest.

The step of a matrix has spectral norm sqrt(max(1, rows/columns)), so a rate serves all widths.

Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from forescale.lab.optimizers._contract import Group, Optimizer, torch_groups

#: Adam's rate over Muon's: Muon's step is a rotation of size one, Adam's is per entry.
ADAM = 0.2


def make(
    groups: Sequence[Group], *, momentum: float, weight_decay: float
) -> list[torch.optim.Optimizer]:
    """PyTorch's Muon over hidden matrices, fused AdamW over the rest."""
    hidden = [g for g in groups if g.matrices]
    rest = torch_groups([g for g in groups if not g.matrices])
    for group in rest:
        group["lr"] = group["scale"] = ADAM * float(group["scale"])  # type: ignore[arg-type]
    parts: list[torch.optim.Optimizer] = []
    if hidden:
        parts.append(
            torch.optim.Muon(torch_groups(hidden, weight_decay), momentum=momentum, nesterov=True)
        )
    if rest:
        parts.append(torch.optim.AdamW(rest, betas=(0.9, 0.99), fused=True))
    return parts


OPTIMIZER = Optimizer(
    name="muon",
    what="Orthogonalised momentum for hidden matrices, Adam for the rest.",
    source="Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks",
    make=make,
    lr=2e-2,
    settings={"momentum": 0.95, "weight_decay": 0.1},
    family="spectral",
    whole=True,
)
