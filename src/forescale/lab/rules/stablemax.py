"""A softmax that grows linearly: the loss cannot be lowered for ever by scaling up the scores.

In place of the exponential stands s(x) = x + 1 for x >= 0 and 1 / (1 - x) below. Evaluations
still use the softmax.

Source: Prieto et al. 2025, "Grokking at the Edge of Numerical Stability".
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.lab.rules._contract import Criterion, Hooks, Rule


def log_stablemax(scores: Tensor) -> Tensor:
    """Log probabilities over the last axis, same shape."""
    # Not sign(x) log(1 + |x|), which is the same but has no gradient at zero, where heads start.
    above, below = torch.log1p(scores.clamp(min=0)), -torch.log1p(-scores.clamp(max=0))
    logs = torch.where(scores >= 0, above, below)
    return logs - logs.logsumexp(-1, keepdim=True)


class StableMax(Hooks):
    """Puts this softmax in place of the usual one."""

    def criterion(self, inner: Criterion) -> Criterion:
        """Cross-entropy of the stable softmax."""

        def loss(scores: Tensor, targets: Tensor) -> Tensor:
            return -log_stablemax(scores).gather(-1, targets[..., None]).mean()

        return loss


RULE = Rule(
    name="stablemax",
    what="Cross-entropy with a softmax that grows linearly.",
    source="Prieto et al. 2025, Grokking at the Edge of Numerical Stability",
    make=StableMax,
    classes=True,
    replaces=True,
    ensemble="shared",
)
