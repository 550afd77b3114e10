"""The slow part of the gradients is added to them once more, amplified.

The slow part is an exponential moving average, which starts at the first gradient, or the plain
mean over a window, which acts only once the window is full. The mean keeps a copy of the
gradients for each step of its window.

Source: Lee et al. 2024, "Grokfast: Accelerated Grokking by Amplifying Slow Gradients". Its runs
with a filter also change the weight decay: compare at equal decay.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab.rules._contract import Hooks, Rule

FILTERS = ("ema", "ma")


class Grokfast(Hooks):
    """Filters the gradients over the steps."""

    def __init__(self, filter: str, alpha: float, gain: float, window: int) -> None:
        if filter not in FILTERS:
            raise BadOption(f"no filter '{filter}'", fix=f"one of {', '.join(FILTERS)}")
        if not 0 <= alpha < 1:
            raise BadOption(f"alpha is {alpha:g}", fix="give a number from 0 to less than 1")
        if window < 1:
            raise BadOption(f"window is {window}", fix="give 1 step or more")
        self.filter, self.alpha, self.gain = filter, alpha, gain
        self.average: dict[str, Tensor] = {}
        self.past: deque[dict[str, Tensor]] = deque(maxlen=window)

    @torch.no_grad()
    def gradients(self, module: nn.Module) -> None:
        """Add the slow part, times the gain."""
        now = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
        for name, slow in (self._ema(now) if self.filter == "ema" else self._ma(now)).items():
            now[name].add_(slow, alpha=self.gain)

    def _ema(self, now: dict[str, Tensor]) -> dict[str, Tensor]:
        for name, g in now.items():
            if name in self.average:
                self.average[name].lerp_(g, 1 - self.alpha)
            else:
                # A copy: the gradient itself is about to be changed in place.
                self.average[name] = g.clone()
        return {name: self.average[name] for name in now}

    def _ma(self, now: dict[str, Tensor]) -> dict[str, Tensor]:
        self.past.append({name: g.clone() for name, g in now.items()})
        if len(self.past) < (self.past.maxlen or 1):
            return {}
        # A parameter without a gradient in some step of the window has no mean over it.
        full = (name for name in now if all(name in step for step in self.past))
        return {name: torch.stack([step[name] for step in self.past]).mean(0) for name in full}

    def state_dict(self) -> dict[str, Any]:
        """The average, and the gradients of the window."""
        return {"average": self.average, "past": list(self.past)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up where they were."""
        self.average = dict(state["average"])
        self.past.clear()
        self.past.extend(state["past"])


RULE = Rule(
    name="grokfast",
    what="Amplify the slow part of the gradients.",
    source="Lee et al. 2024, Grokfast: Accelerated Grokking by Amplifying Slow Gradients",
    make=Grokfast,
    settings={"filter": "ema", "alpha": 0.98, "gain": 2.0, "window": 100},
    ensemble="each",
    whole=True,
)
