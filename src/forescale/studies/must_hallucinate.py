"""A calibrated model makes up arbitrary facts at the rate of facts seen once in training.

Source: Kalai & Vempala 2024, "Calibrated Language Models Must Hallucinate".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

#: Facts of the world; the k-th is told with a chance proportional to k^-ZIPF.
FACTS, ZIPF = 100_000, 1.0
SIZES = (1_000, 3_000, 10_000, 30_000)
#: Facts that could be true for each one that is.
PLAUSIBLE = 1_000
GENERATED = 40_000
OFF = 0.01


class Rates(NamedTuple):
    """The share of false facts among those a model tells, and of facts seen once in training."""

    false: float
    once: float


def rates(n: int, rng: np.random.Generator, falsified: bool) -> Rates:
    """Shares of one calibrated model trained on n facts.

    Calibrated: what it gives equal chances comes true that often. Facts seen equally often look
    alike to it, so that they share the true chance of their group; the chance of all unseen
    facts goes to all plausible ones alike, since nothing tells the true ones from the rest.
    """
    chance = 1.0 / np.arange(1, FACTS + 1) ** ZIPF
    chance /= chance.sum()
    facts, counts = np.unique(rng.choice(FACTS, size=n, p=chance), return_counts=True)
    group = np.bincount(counts, weights=chance[facts])
    weight = (group / np.maximum(np.bincount(counts), 1))[counts]
    told = rng.choice(
        len(facts) + 1, size=GENERATED, p=np.append(weight, max(1 - weight.sum(), 0.0))
    )
    new = told == len(facts)
    # In the false world facts follow from a rule, and the model has the rule.
    left = FACTS - len(facts)
    plausible = left if falsified else PLAUSIBLE * FACTS - len(facts)
    false = new & (rng.random(GENERATED) >= left / plausible)
    return Rates(float(false.mean()), float((counts == 1).sum() / n))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Let calibrated models of several corpus sizes tell facts, and count the false ones."""
    models = 300 if rerun else 50
    rng = np.random.default_rng([seed, 2311])
    numbers: dict[str, Number] = {}
    for n in SIZES:
        progress(f"{models} models of {n} facts")
        found = np.array([rates(n, rng, falsified) for _ in range(models)])
        numbers[f"off_{n}"] = over_worlds(
            found[:, 0] - found[:, 1],
            mean,
            seed=seed,
            least=-OFF,
            most=OFF,
            what=f"rate of false facts less the share of training facts seen once, {n} facts",
        )
        for k, what in ((0, "told that are false"), (1, "of training seen once")):
            numbers[f"{'once' if k else 'false'}_{n}"] = over_worlds(
                found[:, k], mean, seed=seed, what=f"share of facts {what}, {n} facts"
            )
    return judge(numbers, f"simulation: {models} models of each size, {FACTS} facts, Zipf {ZIPF:g}")


STUDY = Study(
    name="must_hallucinate",
    papers=("Calibrated Language Models Must Hallucinate",),
    claim="A calibrated model of arbitrary facts makes up false ones at about the rate of facts "
    "that its training data tell once.",
    criteria=f"The two shares differ by at most {OFF} at corpora of {SIZES[0]} to {SIZES[-1]} "
    "facts.",
    check=check,
    full="300 models of each size instead of 50",
    falsified="facts that follow from a rule which the model has: what is plausible is true",
    note="The model is calibrated by knowing the true chances of its groups; a trained one is "
    "calibrated only nearly. That facts seen twice or more add no false ones follows from the "
    "construction and is not tested.",
)
