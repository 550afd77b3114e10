"""Plurality: how often a system is first.

Source: Rofin et al. 2023, "Vote'n'Rank: Revision of Benchmarking with Social Choice Theory".
"""

import numpy as np

from forescale.compare.rules._contract import Array, Rule


def points(scores: Array, weights: Array) -> Array:
    """Share of the metrics that scored a system on which it is first, shape (K, n).

    Systems level at the top of a metric share it.
    """
    has = ~np.isnan(scores)
    low = np.where(has, scores, -np.inf)
    top = has & (low == low.max(axis=0))
    first = top / np.maximum(top.sum(axis=0), 1)
    with np.errstate(invalid="ignore"):
        share = (weights @ first.T) / (weights @ has.T.astype(float))
    return np.asarray(np.nan_to_num(share))


RULE = Rule(
    name="plurality",
    what="Share of a system's metrics on which it is first.",
    source="Rofin et al. 2023, Vote'n'Rank",
    points=points,
    condorcet=False,
)
