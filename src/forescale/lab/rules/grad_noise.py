"""Gaussian noise on the gradients, its variance falling as a power of the step.

Source: Neelakantan et al. 2015, "Adding Gradient Noise Improves Learning for Very Deep
Networks".
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from forescale.lab.rules._contract import Hooks, Rule


class GradNoise(Hooks):
    """Adds noise of variance eta / (1 + step)^gamma."""

    def __init__(self, eta: float, gamma: float) -> None:
        self.eta, self.gamma = eta, gamma
        self.step = 0
        self.generator = torch.Generator()

    def inputs(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Both as they are; the step's generator is kept for the noise."""
        self.generator = generator
        return x, y

    def gradients(self, module: nn.Module) -> None:
        """Add the noise."""
        std = (self.eta / (1.0 + self.step) ** self.gamma) ** 0.5
        self.step += 1
        for p in module.parameters():
            if p.grad is not None:
                noise = torch.randn(p.shape, generator=self.generator)
                p.grad.add_(noise.to(p.grad), alpha=std)

    def state_dict(self) -> dict[str, Any]:
        """Steps so far."""
        return {"step": self.step}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the count."""
        self.step = int(state["step"])


RULE = Rule(
    name="grad_noise",
    what="Gaussian noise on the gradients that fades.",
    source="Neelakantan et al. 2015, Adding Gradient Noise Improves Learning for Very Deep "
    "Networks",
    make=GradNoise,
    settings={"eta": 0.01, "gamma": 0.55},
    ensemble="each",
    whole=True,
)
