"""Condorcet: the one system that beats each other one by a majority, if there is one.

Source: de Condorcet 1785, "Essai sur l'application de l'analyse à la probabilité des décisions
rendues à la pluralité des voix"; for benchmarks Rofin et al. 2023, "Vote'n'Rank: Revision of
Benchmarking with Social Choice Theory".
"""

import numpy as np

from forescale.compare.rules._contract import Array, Rule
from forescale.compare.rules.copeland import points as duels


def points(scores: Array, weights: Array) -> Array:
    """One for the system that wins all duels, zero for all others, shape (K, n)."""
    return np.asarray(duels(scores, weights) == len(scores) - 1, float)


RULE = Rule(
    name="condorcet",
    what="One for the system that wins every duel, if there is one; nothing for the others.",
    source="de Condorcet 1785; Rofin et al. 2023, Vote'n'Rank",
    points=points,
    condorcet=True,
)
