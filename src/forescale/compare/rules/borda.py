"""Borda: how large a share of the others a system is above, on the average metric.

Where nothing is missing this is Borda's count, the points n - 1, n - 2, ..., 0 of each metric
added up, over the most one can have.

Source: de Borda 1781, "Mémoire sur les élections au scrutin"; for benchmarks Rofin et al. 2023,
"Vote'n'Rank: Revision of Benchmarking with Social Choice Theory".
"""

import numpy as np

from forescale.compare.rules._contract import Array, Rule, majority


def points(scores: Array, weights: Array) -> Array:
    """Mean share of the metrics won, over the other systems, shape (K, n)."""
    n = len(scores)
    share = majority(scores, weights)
    return np.asarray((share.sum(axis=2) - 0.5) / max(n - 1, 1))


RULE = Rule(
    name="borda",
    what="Share of the others that a system is above, on the average metric.",
    source="de Borda 1781; Rofin et al. 2023, Vote'n'Rank",
    points=points,
    condorcet=False,
)
