"""Some weights are zero from the start, and stay so.

The mask is found before the first step, on its batch where the method needs one, or is read from
a file. Rewinding a trained network's mask to its start is a run with that mask's file and the
same seed.

Sources: `forescale.lab.masks` names those of the methods; Frankle & Carbin 2019, "The Lottery
Ticket Hypothesis: Finding Sparse, Trainable Neural Networks", for training under a mask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab import masks
from forescale.lab.rules._contract import Criterion, Hooks, Rule

METHODS = ("magnitude", "random", "snip", "grasp", "synflow", "file")


class Prune(Hooks):
    """Finds the mask in the first step, which takes a second gradient, and keeps to it."""

    def __init__(self, method: str, keep: float, seed: int, file: str) -> None:
        if method not in METHODS:
            raise BadOption(f"no method '{method}'", fix=f"one of {', '.join(METHODS)}")
        if not 0 < keep <= 1:
            raise BadOption(f"keep is {keep:g}", fix="give a share above 0, up to 1")
        if (method == "file") != bool(file):
            raise BadOption(
                f"method is '{method}' and file '{file}'",
                fix="a file goes with method file, and only with it",
            )
        self.method, self.keep, self.seed, self.file = method, keep, seed, file
        self.masks: masks.Masks | None = None
        self.batch: tuple[Tensor, Tensor] | None = None
        self.loss: Criterion | None = None

    def inputs(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Both as they are; the first batch is kept for the methods that look at one."""
        if self.masks is None:
            self.batch = x, y
        return x, y

    def criterion(self, inner: Criterion) -> Criterion:
        """The loss as it is; methods look at it."""
        self.loss = inner
        return inner

    def twice(self, module: nn.Module) -> bool:
        """Find the mask and apply it, and ask for the gradient there, in the first step."""
        if self.masks is not None:
            return False
        self.masks, self.batch = self._find(module), None
        self.after(module)
        return True

    def back(self, module: nn.Module) -> None:
        """Nothing is undone; what another rule restored is pruned again."""
        self.after(module)

    def _find(self, module: nn.Module) -> masks.Masks:
        if self.method == "file":
            return masks.load(Path(self.file), module)
        return masks.mask(self._scores(module), self.keep, where=f"method {self.method}")

    def _scores(self, module: nn.Module) -> masks.Scores:
        if self.method == "magnitude":
            return masks.magnitude(module)
        if self.method == "random":
            return masks.random(module, seed=self.seed)
        assert self.batch is not None
        x, y = self.batch

        def value() -> Tensor:
            assert self.loss is not None
            return self.loss(module(x), y)

        if self.method == "synflow":
            return masks.synflow(module, x, self.keep)
        return (masks.snip if self.method == "snip" else masks.grasp)(module, value)

    def gradients(self, module: nn.Module) -> None:
        """Drop the gradients of what is gone, so that norms and rates are of what is left."""
        for p, mask in self._masked(module):
            if p.grad is not None:
                p.grad.mul_(mask)

    @torch.no_grad()
    def after(self, module: nn.Module) -> None:
        """Set what is gone to zero, whatever the optimizer did to it."""
        for p, mask in self._masked(module):
            p.mul_(mask)

    def _masked(self, module: nn.Module) -> list[tuple[nn.Parameter, Tensor]]:
        named = dict(module.named_parameters())
        return [(named[n], mask) for n, mask in (self.masks or {}).items()]

    def state_dict(self) -> dict[str, Any]:
        """The mask."""
        return {"masks": self.masks}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the mask."""
        self.masks = state["masks"]


RULE = Rule(
    name="prune",
    what="Train a part of the weights, chosen before the first step; the others are zero.",
    source="Frankle & Carbin 2019, The Lottery Ticket Hypothesis: Finding Sparse, Trainable "
    "Neural Networks",
    make=Prune,
    settings={"method": "magnitude", "keep": 0.4, "seed": 0, "file": ""},
    ensemble="each",
    whole=True,
)
