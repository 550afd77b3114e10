"""Losses of scores with their gradients, written out, in the precisions that grokking turns on.

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability", for
cross-entropy in double precision; Prieto et al. 2025, "Grokking at the Edge of Numerical
Stability", for StableMax and for what single precision does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: Scores (n, v) and right classes (n,) -> losses (n,) and the gradient of their mean (n, v).
Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def log1p(scores: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy from the wrong classes alone, which keeps its digits in any precision.

    log(1 + sum over j != y of exp(z_j - z_y)); scores are shifted by the largest only where a
    wrong class leads.
    """
    at = right[:, None]
    lead = scores - scores.gather(1, at)
    top = lead.amax(1, keepdim=True)
    odds = lead.sub_(top).exp_()
    # exp(-top) is what the right class has; at top = 0 it is one, exactly.
    own = odds.gather(1, at)
    wrong = odds.scatter_(1, at, 0.0).sum(1, keepdim=True)
    losses = top + torch.log1p(wrong + (own - 1))
    share = odds.div_((own + wrong) * len(scores))
    share.scatter_(1, at, -wrong / ((own + wrong) * len(scores)))
    return losses.squeeze(1), share


def softmax(scores: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy as it is usually computed: zero, and flat, once the right class leads by far.

    The gradient is that of the computed probabilities, rounding errors and all.
    """
    at = right[:, None]
    logs = scores.log_softmax(1)
    gradient = logs.exp()
    gradient.scatter_add_(1, at, torch.full_like(gradient[:, :1], -1.0))
    return -logs.gather(1, at).squeeze(1), gradient.div_(len(scores))


def softmax_f64(scores: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The same in double precision; the gradient comes back in that of the scores."""
    losses, gradient = softmax(scores.double(), right)
    return losses, gradient.to(scores.dtype)


def stablemax(scores: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of s(z_y) / sum s(z_j), s(z) = 1 + z above 0 and 1 / (1 - z) below.

    In double precision, as published; the gradient comes back in that of the scores.
    """
    at, z = right[:, None], scores.double()
    above = z >= 0
    raised = torch.where(above, 1 + z, 1 / (1 - z.clamp(max=0)))
    slope = torch.where(above, torch.ones_like(z), raised.square())
    total, own = raised.sum(1, keepdim=True), raised.gather(1, at)
    gradient = slope / total
    gradient.scatter_add_(1, at, -slope.gather(1, at) / own)
    return (total / own).log().squeeze(1), (gradient / len(z)).to(scores.dtype)


LOSSES: dict[str, Loss] = {
    "log1p": log1p,
    "softmax": softmax,
    "softmax_f64": softmax_f64,
    "stablemax": stablemax,
}
