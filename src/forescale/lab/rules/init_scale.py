"""Training starts from the initial weights times a number.

Large starts are lazy: a network memorises first and generalises late, if at all.

Source: Liu, Michaud & Tegmark 2023, "Omnigrok: Grokking Beyond Algorithmic Data", whose alpha
multiplies all of them, biases too.
"""

from __future__ import annotations

import torch
from torch import nn

from forescale.errors import BadOption
from forescale.lab.rules._contract import Hooks, Rule


class InitScale(Hooks):
    """Scales before the first step."""

    def __init__(self, alpha: float) -> None:
        if not alpha > 0:
            raise BadOption(f"alpha is {alpha:g}", fix="give a positive number")
        self.alpha = alpha

    @torch.no_grad()
    def begin(self, module: nn.Module) -> None:
        """Scale every parameter."""
        for p in module.parameters():
            p.mul_(self.alpha)


RULE = Rule(
    name="init_scale",
    what="Start from the initial weights times alpha.",
    source="Liu, Michaud & Tegmark 2023, Omnigrok: Grokking Beyond Algorithmic Data",
    make=InitScale,
    settings={"alpha": 2.0},
    ensemble="shared",
)
