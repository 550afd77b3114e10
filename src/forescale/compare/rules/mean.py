"""The mean of a system's scores, as leader boards have it: one loud metric decides it all.

Source: what Rofin et al. 2023, "Vote'n'Rank: Revision of Benchmarking with Social Choice
Theory", argue against.
"""

import numpy as np

from forescale.compare.rules._contract import Array, Rule


def points(scores: Array, weights: Array) -> Array:
    """Mean of the scores that a system has, in their own units, shape (K, n)."""
    has = ~np.isnan(scores)
    total = weights @ has.T.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (weights @ np.where(has, scores, 0.0).T) / total
    return np.where(total > 0, mean, -np.inf)


RULE = Rule(
    name="mean",
    what="Mean of the scores in their own units; not robust, here to be compared with.",
    source="Rofin et al. 2023, Vote'n'Rank",
    points=points,
    condorcet=False,
    scale_free=False,
)
