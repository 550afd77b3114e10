"""The loss, and its gradient in the scores, are computed in double precision.

In float32 the softmax absorbs a class that lies 16.6 below the largest; in float64 one that
lies 36.7 below. The network itself computes as before.

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability",
whose loss is float64; Prieto et al. 2025, "Grokking at the Edge of Numerical Stability".
"""

from __future__ import annotations

from torch import Tensor

from forescale.lab.rules._contract import Criterion, Hooks, Rule


class Float64Loss(Hooks):
    """Widens what the loss is given."""

    def criterion(self, inner: Criterion) -> Criterion:
        """The same loss, of wider numbers; it comes back in the scores' own precision."""

        def wide(scores: Tensor, targets: Tensor) -> Tensor:
            if targets.is_floating_point():
                targets = targets.double()
            return inner(scores.double(), targets).to(scores.dtype)

        return wide


RULE = Rule(
    name="float64_loss",
    what="Compute the loss in double precision.",
    source="Prieto et al. 2025, Grokking at the Edge of Numerical Stability",
    make=Float64Loss,
    ensemble="shared",
)
