"""Examples are mixed in pairs, and so are their targets.

Source: Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization".
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.lab.rules._contract import Criterion, Hooks, Rule


class Mixup(Hooks):
    """Mixes a batch with itself in another order."""

    def __init__(self, alpha: float) -> None:
        if not alpha > 0:
            raise BadOption(f"alpha is {alpha:g}", fix="give a positive number")
        self.alpha = alpha
        self.share = 1.0

    def inputs(self, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Mixed inputs; mixed values, or the classes of both partners, shape (b, 2)."""
        seed = int(torch.randint(2**62, (), generator=generator))
        share = self.share = float(np.random.default_rng(seed).beta(self.alpha, self.alpha))
        partner = torch.randperm(len(x), generator=generator).to(x.device)
        mixed = torch.lerp(x[partner], x, share)
        if y.is_floating_point():
            return mixed, torch.lerp(y[partner], y, share)
        return mixed, torch.stack([y, y[partner]], -1)

    def criterion(self, inner: Criterion) -> Criterion:
        """The loss against both partners' classes, in the shares of the mixture."""

        def shared(scores: Tensor, targets: Tensor) -> Tensor:
            if targets.is_floating_point():
                return inner(scores, targets)
            one, other = targets.unbind(-1)
            return self.share * inner(scores, one) + (1.0 - self.share) * inner(scores, other)

        return shared


RULE = Rule(
    name="mixup",
    what="Train on mixtures of two examples.",
    source="Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization",
    make=Mixup,
    settings={"alpha": 0.2},
    vectors=True,
    ensemble="each",
)
