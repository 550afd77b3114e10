"""The squared log of the softmax's denominator is added to the loss, which keeps scores small.

Source: Chowdhery et al. 2022, "PaLM: Scaling Language Modeling with Pathways", section 5.
"""

from __future__ import annotations

from torch import Tensor

from forescale.lab.rules._contract import Criterion, Hooks, Rule


class ZLoss(Hooks):
    """Adds coefficient * mean(log Z)^2 to the loss."""

    def __init__(self, coefficient: float) -> None:
        self.coefficient = coefficient

    def criterion(self, inner: Criterion) -> Criterion:
        """The loss with the penalty."""

        def penalised(scores: Tensor, targets: Tensor) -> Tensor:
            return inner(scores, targets) + self.coefficient * scores.logsumexp(-1).square().mean()

        return penalised


RULE = Rule(
    name="z_loss",
    what="A penalty on the square of the softmax's log denominator.",
    source="Chowdhery et al. 2022, PaLM: Scaling Language Modeling with Pathways",
    make=ZLoss,
    settings={"coefficient": 1e-4},
    classes=True,
    ensemble="shared",
)
