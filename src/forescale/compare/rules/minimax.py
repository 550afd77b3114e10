"""Minimax: the mildest worst defeat.

Source: Simpson 1969, "On Defining Areas of Voter Choice"; Kramer 1977, "A Dynamical Model of
Political Equilibrium"; for benchmarks Rofin et al. 2023, "Vote'n'Rank: Revision of Benchmarking
with Social Choice Theory".
"""

import numpy as np

from forescale.compare.rules._contract import Array, Rule, majority


def points(scores: Array, weights: Array) -> Array:
    """Smallest share of the metrics won against any other system, shape (K, n)."""
    share = np.array(majority(scores, weights))
    n = len(scores)
    share[:, np.arange(n), np.arange(n)] = np.inf
    return np.asarray(share.min(axis=2))


RULE = Rule(
    name="minimax",
    what="Share of the metrics that a system wins against whoever beats it most clearly.",
    source="Simpson 1969; Kramer 1977; Rofin et al. 2023, Vote'n'Rank",
    points=points,
    condorcet=True,
)
