"""In each step some targets are replaced by classes drawn uniformly, anew every time.

The right class may be drawn too. Evaluations see the true targets.

Source: Blanc et al. 2020, "Implicit regularization for deep neural networks driven by an
Ornstein-Uhlenbeck like process": fresh noise on labels prefers flat minima.
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.lab._io import IGNORED
from forescale.lab.rules._contract import Criterion, Hooks, Rule

#: Draws are below this: a multiple of no number of classes, but too large for that to matter.
MANY = 2**53


class LabelNoise(Hooks):
    """Draws with the inputs; the number of classes is known only where there are scores."""

    def __init__(self, share: float) -> None:
        if not 0 <= share <= 1:
            raise BadOption(f"share is {share:g}", fix="give a number from 0 to 1")
        self.share = share

    def inputs(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Inputs as they are; targets with a draw each, -1 for none, on a new last axis."""
        drawn = torch.randint(MANY, y.shape, generator=generator)
        kept = torch.rand(y.shape, generator=generator) >= self.share
        drawn = drawn.masked_fill(kept, -1).to(y.device)
        return x, torch.stack([y, torch.where(y == IGNORED, -1, drawn)], -1)

    def criterion(self, inner: Criterion) -> Criterion:
        """The loss against the targets with the drawn classes in place."""

        def noisy(scores: Tensor, targets: Tensor) -> Tensor:
            right, drawn = targets.unbind(-1)
            return inner(scores, torch.where(drawn < 0, right, drawn % scores.shape[-1]))

        return noisy


RULE = Rule(
    name="label_noise",
    what="Replace a share of the targets by random classes, anew in each step.",
    source="Blanc et al. 2020, Implicit regularization for deep neural networks driven by an "
    "Ornstein-Uhlenbeck like process",
    make=LabelNoise,
    settings={"share": 0.1},
    classes=True,
    ensemble="each",
)
