"""Changes of the gradient that bring grokking forward, on one flat vector.

Source: Prieto et al. 2025, "Grokking at the Edge of Numerical Stability" (perpGrad); Lee et al.
2024, "Grokfast: Accelerated Grokking by Amplifying Slow Gradients".
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

RULES = ("plain", "perp_grad", "grokfast_ema", "grokfast_ma")


class Rule:
    """Leaves the gradient as it is; the others derive from it.

    Args:
        weights: The parameters, views of one flat vector, in its order.
        gradients: Their gradients, views of another.
        flat: The flat vector of gradients.
    """

    def __init__(
        self, weights: Sequence[Tensor], gradients: Sequence[Tensor], flat: Tensor
    ) -> None:
        self.weights, self.gradients, self.flat = weights, gradients, flat
        #: What a resumed run must know.
        self.state: dict[str, Tensor] = {}

    def apply(self) -> None:
        """Change the gradients in place."""


class PerpGrad(Rule):
    """Removes the part of each tensor's gradient that only rescales it, keeping its length."""

    def apply(self) -> None:
        """Take (<w, g> / <w, w>) w off each g, and make it as long as it was."""
        for w, g in zip(self.weights, self.gradients, strict=True):
            along = (w * g).sum() / (w.square().sum() + 1e-30)
            before = g.norm()
            g.sub_(along * w)
            g.mul_(before / (g.norm() + 1e-30))


class GrokfastEMA(Rule):
    """Adds `strength` times a running mean of the gradients, which keeps `memory` of itself."""

    def __init__(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        flat: Tensor,
        *,
        strength: float,
        memory: float,
    ) -> None:
        super().__init__(weights, gradients, flat)
        self.strength, self.memory = strength, memory

    def apply(self) -> None:
        """The running mean starts at the first gradient."""
        if "mean" not in self.state:
            self.state["mean"] = self.flat.clone()
        mean = self.state["mean"].lerp_(self.flat, 1 - self.memory)
        self.flat.add_(mean, alpha=self.strength)


class GrokfastMA(Rule):
    """Adds `strength` times the mean of the last `window` gradients, once there are as many."""

    def __init__(
        self,
        weights: Sequence[Tensor],
        gradients: Sequence[Tensor],
        flat: Tensor,
        *,
        strength: float,
        window: int,
    ) -> None:
        super().__init__(weights, gradients, flat)
        self.strength = strength
        self.state = {
            "past": torch.zeros((window, len(flat)), dtype=flat.dtype, device=flat.device),
            "seen": torch.zeros((), dtype=torch.long),
        }

    def apply(self) -> None:
        """The gradient itself counts among the last."""
        past, seen = self.state["past"], self.state["seen"]
        past[int(seen) % len(past)] = self.flat
        seen += 1
        if int(seen) >= len(past):
            self.flat.add_(past.mean(0), alpha=self.strength)


def make(
    name: str,
    weights: Sequence[Tensor],
    gradients: Sequence[Tensor],
    flat: Tensor,
    *,
    strength: float,
    memory: float,
    window: int,
) -> Rule:
    """The rule called `name`, with what it needs of the settings."""
    if name == "perp_grad":
        return PerpGrad(weights, gradients, flat)
    if name == "grokfast_ema":
        return GrokfastEMA(weights, gradients, flat, strength=strength, memory=memory)
    if name == "grokfast_ma":
        return GrokfastMA(weights, gradients, flat, strength=strength, window=window)
    return Rule(weights, gradients, flat)
