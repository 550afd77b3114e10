"""Evaluations use an exponential moving average of the weights.

Source: Polyak & Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from forescale.lab.rules._contract import Hooks, Rule


class EMA(Hooks):
    """Keeps the average, and lends it to evaluations."""

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.average: list[Tensor] = []
        self.count = 0

    @torch.no_grad()
    def after(self, module: nn.Module) -> None:
        """Move the average towards the weights; early on it is their plain mean."""
        weights = [p.detach() for p in module.parameters()]
        self.count += 1
        if not self.average:
            self.average = [w.clone() for w in weights]
            return
        keep = min(self.decay, 1.0 - 1.0 / self.count)
        torch._foreach_lerp_(self.average, weights, 1.0 - keep)

    @contextmanager
    def evaluating(self, module: nn.Module) -> Iterator[None]:
        """Swap the average in, and the weights back."""
        if not self.average:
            yield
            return
        kept = [p.detach().clone() for p in module.parameters()]
        _copy(self.average, module)
        try:
            yield
        finally:
            _copy(kept, module)

    def state_dict(self) -> dict[str, Any]:
        """The average and how many steps it has seen."""
        return {"average": self.average, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up an average."""
        self.average, self.count = list(state["average"]), int(state["count"])


@torch.no_grad()
def _copy(source: list[Tensor], module: nn.Module) -> None:
    for p, s in zip(module.parameters(), source, strict=True):
        p.copy_(s)


RULE = Rule(
    name="ema",
    what="Judge an exponential moving average of the weights.",
    source="Polyak & Juditsky 1992, Acceleration of Stochastic Approximation by Averaging",
    make=EMA,
    settings={"decay": 0.99},
    ensemble="shared",
    whole=True,
)
