"""At a fixed budget of examples, instructions never seen are followed once there were many.

Source: Zhang et al. 2024, "Only-IF: Revealing the Decisive Effect of Instruction Diversity on
Generalization".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forescale.errors import MissingExtra
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._looks import looked
from forescale.studies._recorded import simulated

Array = NDArray[np.float64]

#: Rules shown, each four times as many as the last.
RULES, SEEDS = (3, 12, 50, 198, 794), 3
SYMBOLS, LENGTH, EXAMPLES, ITEMS = 32, 4, 16384, 1024
STEPS, BATCH, LR, SIZE = 1400, 64, 0.015, 2
JUDGED = ("seen", "unseen")
COLUMNS = ("rules", "seed", *JUDGED)
LEARNT, NOT, FOLLOWED, SHARP = 0.8, 0.05, 0.5, 0.5


def measured(seed: int) -> Iterator[tuple[float, ...]]:
    """Rows of `COLUMNS`: exact answers for rules trained on, and for others.

    Raises:
        MissingExtra: If torch is not installed.
    """
    need_torch(MissingExtra)
    from forescale.lab.config import Config

    for count in RULES:
        for s in range(SEEDS):
            config = Config(
                task="markov_rewriting",
                task_settings={
                    "symbols": SYMBOLS,
                    "length": LENGTH,
                    "rules_shown": count,
                    "examples": EXAMPLES,
                    "validation": ITEMS,
                },
                size=SIZE,
                steps=STEPS,
                lr=LR,
                seed=SEEDS * seed + s,
            )
            sets = [{"judged": j} for j in JUDGED]
            for _, right in looked(config, sets, batch=BATCH, looks=(STEPS,)):
                yield count, config.seed, *right


def steepest(unseen: Array) -> Array:
    """Part of the whole rise that the steepest step of the ladder makes, shape (worlds,).

    Args:
        unseen: Accuracies, shape (worlds, ladder).
    """
    steps = np.diff(unseen, axis=1)
    return np.asarray(steps.max(1) / (unseen[:, -1] - unseen[:, 0]))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Accuracies for seen and unseen rules along the ladder of rules."""
    table, data = simulated(
        "instruction_diversity",
        COLUMNS,
        measured,
        what="networks",
        rerun=rerun,
        seed=seed,
        progress=progress,
    )
    ladder = np.unique(table["rules"])
    # A row a seed, a column a number of rules.
    scores = {
        j: np.stack([table[j][table["rules"] == count] for count in ladder], 1) for j in JUDGED
    }
    if falsified:
        # In the false world a rule is as good as another: other items of the same score.
        rng = np.random.default_rng([seed, 2410])
        scores["unseen"] = rng.binomial(ITEMS, scores["seen"]) / ITEMS
    unseen, fewest, most = scores["unseen"], int(ladder[0]), int(ladder[-1])
    numbers = {}
    for k, count in enumerate(map(int, ladder)):
        numbers[f"seen_{count}"] = over_worlds(
            scores["seen"][:, k],
            mean,
            seed=seed,
            least=LEARNT if count in {fewest, most} else None,
            what=f"exact answers on new strings, rules trained on, of which there are {count}",
        )
        numbers[f"unseen_{count}"] = over_worlds(
            unseen[:, k],
            mean,
            seed=seed,
            least=FOLLOWED if count == most else None,
            most=NOT if count == fewest else None,
            what=f"the same, rules not trained on, after {count}",
        )
    numbers["steepest"] = over_worlds(
        steepest(unseen),
        mean,
        seed=seed,
        least=SHARP,
        what="part of the whole rise made by one step of the ladder, four times the rules",
    )
    return judge(numbers, data)


STUDY = Study(
    name="instruction_diversity",
    papers=("Only-IF:Revealing the Decisive Effect of Instruction Diversity on Generalization",),
    claim="At a fixed number of examples, rewriting rules never trained on are followed only "
    "where rules were many, and the change is sharp in their number.",
    criteria=f"With the fewest rules, rules trained on are followed in {LEARNT:.0%} of new "
    f"strings or more and others in {NOT:.0%} or less; with the most, the former in "
    f"{LEARNT:.0%} or more and the latter in {FOLLOWED:.0%} or more; one step of the ladder, "
    f"four times the rules, makes {SHARP:.0%} of the rise or more.",
    check=check,
    full=f"trains {len(RULES) * SEEDS} networks again, minutes",
    falsified="a rule that was not trained on is followed as well as one that was",
    note=f"One step of rewriting on strings of {LENGTH} of {SYMBOLS} symbols, pattern and "
    "replacement one symbol each, the match always there: the paper's patterns are longer, its "
    "models larger, and its change comes at some hundred rules. The rate and the number of steps "
    "were set after looking at single networks that saw all rules. Three networks a rung: on the "
    "rung below the last they differ most, as at a threshold.",
)
