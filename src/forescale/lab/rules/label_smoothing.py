"""Targets give a share of their weight to all classes alike.

Source: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision".
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from forescale.errors import BadOption
from forescale.lab.rules._contract import Criterion, Hooks, Rule


class LabelSmoothing(Hooks):
    """Adds the cross-entropy of the uniform distribution."""

    def __init__(self, share: float) -> None:
        if not 0 <= share < 1:
            raise BadOption(f"share is {share:g}", fix="give a number from 0 to less than 1")
        self.share = share

    def criterion(self, inner: Criterion) -> Criterion:
        """(1 - share) of the loss and share of the mean over classes."""

        def smoothed(scores: Tensor, targets: Tensor) -> Tensor:
            uniform = -F.log_softmax(scores, -1).mean()
            return (1.0 - self.share) * inner(scores, targets) + self.share * uniform

        return smoothed


RULE = Rule(
    name="label_smoothing",
    what="Targets give a share of their weight to all classes alike.",
    source="Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision",
    make=LabelSmoothing,
    settings={"share": 0.1},
    classes=True,
    ensemble="shared",
)
