"""Gradients lose their part along the weights, and keep their norm.

Past a perfect fit the gradient of a softmax's loss points along the weights: scaling them up
lowers the loss and teaches nothing. What is left at right angles is scaled to the old norm.

Source: Prieto et al. 2025, "Grokking at the Edge of Numerical Stability", whose code does this
for each tensor on its own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forescale.lab.rules._contract import Hooks, Rule

#: Keeps a division by the square of a tensor of zeros from being one by zero.
TINY = 1e-30


@torch.no_grad()
def perpendicular(gradient: Tensor, weight: Tensor) -> Tensor:
    """The gradient's part at right angles to the weight, with the whole gradient's norm.

    Args:
        gradient: Any shape.
        weight: Same shape; where it is all zero, the gradient comes back as it was.

    Returns:
        Same shape; zero where there is no such part, as for a tensor of one number.
    """
    along = (weight * gradient).sum() / (weight.square().sum() + TINY)
    left = gradient - along * weight
    whole, rest = gradient.norm(), left.norm()
    # The paper scales whatever is left; where that is rounding, its direction is noise.
    noise = 8 * torch.finfo(gradient.dtype).eps * whole
    return torch.where(rest > noise, left * (whole / (rest + TINY)), 0.0)


class PerpGrad(Hooks):
    """Turns each tensor's gradient away from the tensor."""

    def gradients(self, module: nn.Module) -> None:
        """Replace the gradients."""
        for p in module.parameters():
            if p.grad is not None:
                p.grad.copy_(perpendicular(p.grad, p.detach()))


RULE = Rule(
    name="perp_grad",
    what="Take from each gradient what only scales the weights.",
    source="Prieto et al. 2025, Grokking at the Edge of Numerical Stability",
    make=PerpGrad,
    ensemble="each",
    whole=True,
)
