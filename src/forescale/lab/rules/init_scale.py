"""Training starts from the initial weights times a number.

Large starts are lazy: a network memorises first and generalises late, if at all. With other
rules that move the weights in a step (SAM), name this one first.

Source: Liu, Michaud & Tegmark 2023, "Omnigrok: Grokking Beyond Algorithmic Data", whose alpha
multiplies all of them, biases too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab.rules._contract import Hooks, Rule


class InitScale(Hooks):
    """Scales before the first step, which takes a second gradient, at the scaled weights."""

    def __init__(self, alpha: float) -> None:
        if not alpha > 0:
            raise BadOption(f"alpha is {alpha:g}", fix="give a positive number")
        self.alpha = alpha
        self.done = False
        self.start: list[Tensor] = []

    @torch.no_grad()
    def twice(self, module: nn.Module) -> bool:
        """Scale, and ask for the gradient there; nothing after the first step."""
        if self.done:
            return False
        self.done = True
        self.start = [self.alpha * p.detach() for p in module.parameters()]
        self.back(module)
        return True

    @torch.no_grad()
    def back(self, module: nn.Module) -> None:
        """Put the scaled weights in place, whatever another rule restored meanwhile."""
        for p, start in zip(module.parameters(), self.start, strict=True):
            p.copy_(start)

    def gradients(self, module: nn.Module) -> None:
        """Nothing to the gradients: the start has been made."""
        self.start = []

    def state_dict(self) -> dict[str, Any]:
        """Whether the start has been made."""
        return {"done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a run."""
        self.done = bool(state["done"])


RULE = Rule(
    name="init_scale",
    what="Start from the initial weights times alpha.",
    source="Liu, Michaud & Tegmark 2023, Omnigrok: Grokking Beyond Algorithmic Data",
    make=InitScale,
    settings={"alpha": 2.0},
    ensemble="each",
)
