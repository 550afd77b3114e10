"""Gradients whose norm is above a limit are scaled down to it.

Source: Pascanu, Mikolov & Bengio 2013, "On the Difficulty of Training Recurrent Neural Networks".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forescale.lab.rules._contract import Hooks, Rule


class Clip(Hooks):
    """Clips the norm over all parameters."""

    def __init__(self, norm: float) -> None:
        self.norm = norm

    def gradients(self, module: nn.Module) -> None:
        """Scale the gradients so that their joint norm is at most the limit."""
        if self.stacked:
            _clip_members([p.grad for p in module.parameters() if p.grad is not None], self.norm)
            return
        torch.nn.utils.clip_grad_norm_(module.parameters(), self.norm, foreach=True)


@torch.no_grad()
def _clip_members(gradients: list[Tensor], limit: float) -> None:
    """The same for every index of the first axis, as `clip_grad_norm_` does it."""
    members = len(gradients[0])
    norms = [torch.linalg.vector_norm(g.reshape(members, -1), dim=1) for g in gradients]
    norm_m = torch.linalg.vector_norm(torch.stack(norms), dim=0)
    factor_m = (limit / (norm_m + 1e-6)).clamp(max=1.0)
    for g in gradients:
        g.mul_(factor_m.view(-1, *[1] * (g.ndim - 1)))


RULE = Rule(
    name="clip",
    what="Scale gradients down to a largest norm.",
    source="Pascanu, Mikolov & Bengio 2013, On the Difficulty of Training Recurrent Neural "
    "Networks",
    make=Clip,
    settings={"norm": 1.0},
    ensemble="shared",
)
