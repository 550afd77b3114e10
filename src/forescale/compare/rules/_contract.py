"""What a rule is, and the contests between two systems that most rules are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rule:
    """One way to make a ranking of many.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        source: The paper.
        points: From scores (systems, metrics), larger is better and NaN where a system has
            none, and weights of the metrics, shape (K, metrics), the points of each system
            under each weighting, shape (K, systems); larger is better.
        condorcet: Whether a system that beats each other one by a majority always comes first.
        scale_free: Whether only the order of the scores within a metric counts.
    """

    name: str
    what: str
    source: str
    points: Callable[[Array, Array], Array]
    condorcet: bool
    scale_free: bool = True


def majority(scores: Array, weights: Array) -> Array:
    """Share of the metrics on which one system is above another, shape (K, n, n).

    Only metrics that scored both of them count, a tie as half of one; two systems that no
    metric scored together are at a half, neither above the other.

    Args:
        scores: Shape (n, m), NaN where there is none.
        weights: Shape (K, m).
    """
    n, m = scores.shape
    has = ~np.isnan(scores)
    met = (has[:, None, :] & has[None, :, :]).reshape(n * n, m)
    with np.errstate(invalid="ignore"):
        # sign(inf - inf) is no tie; a comparison is.
        over = scores[:, None, :] > scores[None, :, :]
    won = over.astype(float) + 0.5 * (~over & ~over.transpose(1, 0, 2))
    total = weights @ met.T.astype(float)
    share = weights @ np.where(met, won.reshape(n * n, m), 0.0).T
    with np.errstate(invalid="ignore"):
        out = np.where(total > 0, share / total, 0.5)
    return np.asarray(out.reshape(len(weights), n, n))
