"""A hold-out that is asked thousands of questions lies, unless it answers through a threshold.

Source: Dwork, Feldman, Hardt, Pitassi, Reingold & Roth 2015, "Preserving Statistical Validity in
Adaptive Data Analysis", and the same authors' "The Reusable Holdout".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.forecast.holdout import Thresholdout, budget
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

#: Rows and features of the quick and the full run, and the share of the features that vote.
QUICK, FULL, VOTERS = 3000, 10_000, 0.2
#: Features drawn at a time: ten thousand by ten thousand floats need not be held.
BLOCK = 500
CHANCE, OFF, WITHIN = 50.0, 10.0, 2.0


def analyst(n: int, seed: int, *, guarded: bool) -> tuple[float, float, float]:
    """Accuracy of a chosen vote as a plain hold-out tells it, as Thresholdout does, and its spend.

    There is nothing to learn: features and labels are coin tosses. The analyst asks how each
    feature goes with the label; of those that go the same way on both halves the strongest vote.

    Args:
        n: Rows of the training half and of the hold-out, and features.
        seed: Seed of tosses and noise.
        guarded: Whether Thresholdout keeps a threshold at all; without one it answers with what
            the hold-out says.

    Returns:
        Told accuracies in per cent, plain and guarded, and the share of the budget spent.
    """
    rng = np.random.default_rng([seed, 2015])
    halves = [rng.integers(0, 2, (n, n), dtype=np.int8) for _ in range(2)]
    labels = [2.0 * rng.integers(0, 2, n).astype(np.float32) - 1 for _ in range(2)]

    def signs(half: int, columns: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        return 2 * halves[half][:, columns].astype(np.float32) - 1

    blocks = [slice(i, i + BLOCK) for i in range(0, n, BLOCK)]
    train, holdout = (
        np.concatenate([labels[h] @ signs(h, b) for b in blocks]).astype(float) / n for h in (0, 1)
    )
    if guarded:
        ask = Thresholdout(n, seed=seed)
    else:
        ask = Thresholdout(n, seed=seed, threshold=1e-9, noise=1e-9, allowed=2 * n)
    answers = np.array([ask.answer(a, b) for a, b in zip(train.tolist(), holdout.tolist(),
                                                         strict=True)])  # fmt: skip

    def voters(seen: Array) -> NDArray[np.intp]:
        agree = np.sign(train) == np.sign(seen)
        # An odd number of voters, so that no vote is tied.
        return np.argsort(-np.where(agree, np.abs(train), 0))[: int(VOTERS * n) // 2 * 2 + 1]

    def accuracy(who: NDArray[np.intp], half: int) -> float:
        vote = np.sign(signs(half, who) @ np.sign(train[who]).astype(np.float32))
        return float(np.mean(vote == labels[half]))

    plain, asked = voters(holdout), voters(answers)
    told = ask.answer(accuracy(asked, 0), accuracy(asked, 1))
    spent = 1 - ask.left / (budget(n) if guarded else 2 * n)
    return 100 * accuracy(plain, 1), 100 * told, spent


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Let the analyst ask a plain hold-out and a guarded one; nothing can be learned."""
    n, worlds = (FULL, 20) if rerun else (QUICK, 5)
    found = []
    for world in range(worlds):
        progress(f"world {world + 1} of {worlds}: {n} rows, {n} features")
        found.append(analyst(n, 1000 * seed + world, guarded=not falsified))
    naive, told, spent = np.array(found).T
    return judge(
        {
            "naive_off": over_worlds(
                naive - CHANCE,
                mean,
                seed=seed,
                unit="points",
                least=OFF,
                what="accuracy a plain hold-out tells, above the true 50 %",
            ),
            "guarded_off": over_worlds(
                np.abs(told - CHANCE),
                mean,
                seed=seed,
                unit="points",
                most=WITHIN,
                what="what Thresholdout tells, away from the true 50 %, mean size",
            ),
            "guarded_worst": over_worlds(
                np.abs(told - CHANCE),
                lambda v: v.max(-1),
                seed=seed,
                unit="points",
                what="the same in the worst world",
            ),
            "spent": over_worlds(spent, mean, seed=seed, what="share of the budget it spent"),
        },
        f"simulation: {worlds} worlds of {n} rows and {n} features of coin tosses",
    )


STUDY = Study(
    name="reusable_holdout",
    papers=("Preserving Statistical Validity in Adaptive Data Analysis",),
    claim="A hold-out can be asked about as many adaptively chosen questions as there are rows, "
    "and still tell the truth, if it answers only where the training data are wrong, with noise.",
    criteria=f"Where nothing can be learned, a vote of features chosen by asking a plain hold-out "
    f"looks at least {OFF:g} points better than chance, and what Thresholdout tells is within "
    f"{WITHIN:g} points of it.",
    check=check,
    full=f"{FULL} rows and features, 20 worlds, instead of {QUICK} and 5",
    falsified="the guard without a threshold: each answer is the hold-out's own",
    note="The guard is `forecast.holdout.Thresholdout` as shipped. A held-out mean of n rows has "
    "itself a standard error of 50/sqrt(n) points, 0.5 at ten thousand. The backtests of the "
    "command line hold out tens of runs, too few for such a guard: there each new question is "
    "counted instead, and the flattery it can bring is said.",
)
