"""Estimates of mutual information from a batch, given a critic's scores.

A critic scores pairs of x and y; the best one says the log of the density ratio p(x, y)/p(x)p(y).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def infonce(scores: Array) -> Array:
    """The contrastive estimate, shape (...,); never above log of the batch.

    Args:
        scores: Of each x with each y, shape (..., batch, batch); true pairs on the diagonal.

    Source: van den Oord, Li & Vinyals 2018, "Representation Learning with Contrastive Predictive
    Coding".
    """
    top = scores.max(-1, keepdims=True)
    whole = np.log(np.exp(scores - top).mean(-1)) + top[..., 0]
    return np.asarray((np.diagonal(scores, axis1=-2, axis2=-1) - whole).mean(-1))


def partition(apart: Array, clip: float = np.inf) -> Array:
    """Mean of the density ratio over independent pairs, shape (...,); 1 for the best critic.

    Args:
        apart: Scores of pairs drawn independently, shape (..., batch).
        clip: Scores are held within this of 0: SMILE. Infinite for MINE.

    Source: Song & Ermon 2020, "Understanding the Limitations of Variational Mutual Information
    Estimators".
    """
    return np.asarray(np.exp(np.clip(apart, -clip, clip)).mean(-1))


def smile(paired: Array, apart: Array, clip: float = np.inf) -> Array:
    """Mean score of true pairs less the log of the clipped partition, shape (...,).

    Args:
        paired: Scores of true pairs, shape (..., batch).
        apart: Scores of pairs drawn independently, shape (..., batch).
        clip: As in `partition`; infinite gives the estimate of Donsker and Varadhan, and of MINE.
    """
    return np.asarray(paired.mean(-1) - np.log(partition(apart, clip)))
