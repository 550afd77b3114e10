"""The step is taken with the gradient at the worst point of a small ball around the weights.

Every step costs two gradients; the row of a run counts the FLOPs of one.

Source: Foret et al. 2021, "Sharpness-Aware Minimization for Efficiently Improving
Generalization".
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forescale.lab.rules._contract import Hooks, Rule


class SAM(Hooks):
    """Moves up the gradient by a distance, and exactly back."""

    def __init__(self, rho: float) -> None:
        self.rho = rho
        self.kept: list[Tensor] = []

    @torch.no_grad()
    def twice(self, module: nn.Module) -> bool:
        """Move by `rho` along the gradient over all parameters."""
        weights = [p for p in module.parameters() if p.grad is not None]
        # Copies, since a sum is not undone exactly by a difference.
        self.kept = [p.detach().clone() for p in module.parameters()]
        gradients = [p.grad for p in weights]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        scale = self.rho / (norm + 1e-12)
        for p, g in zip(weights, gradients, strict=True):
            p.add_(g * scale)
        return True

    @torch.no_grad()
    def back(self, module: nn.Module) -> None:
        """Put the weights back."""
        for p, kept in zip(module.parameters(), self.kept, strict=True):
            p.copy_(kept)
        self.kept = []


RULE = Rule(
    name="sam",
    what="Sharpness-aware minimisation: the gradient at the worst point nearby.",
    source="Foret et al. 2021, Sharpness-Aware Minimization for Efficiently Improving "
    "Generalization",
    make=SAM,
    settings={"rho": 0.05},
    ensemble="each",
)
