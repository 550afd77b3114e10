"""Copeland: duels won by a majority of the metrics, minus duels lost.

Source: Copeland 1951, "A Reasonable Social Welfare Function"; for benchmarks Rofin et al. 2023,
"Vote'n'Rank: Revision of Benchmarking with Social Choice Theory".
"""

import numpy as np

from forescale.compare.rules._contract import Array, Rule, majority

#: Shares this near to a half are ties: weights are sums of floats.
TIE = 1e-9


def points(scores: Array, weights: Array) -> Array:
    """Majorities won minus majorities lost, shape (K, n)."""
    share = majority(scores, weights) - 0.5
    return np.asarray((share > TIE).sum(axis=2) - (share < -TIE).sum(axis=2), float)


RULE = Rule(
    name="copeland",
    what="Duels that a majority of the metrics decides for a system, minus those against it.",
    source="Copeland 1951; Rofin et al. 2023, Vote'n'Rank",
    points=points,
    condorcet=True,
)
