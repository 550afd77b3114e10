"""From a small start, gradient descent on a matrix's factor learns its rank one by one.

Source: Jin et al. 2023, "Understanding Incremental Learning of Gradient Descent: A Fine-grained
Analysis of Matrix Sensing".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

SIZE, MEASURED = 10, 2500
SINGULAR = np.array([1.0, 0.5, 0.25, 0.125])
STARTS = (1e-1, 1e-2, 1e-3, 1e-4)
RATE, STEPS = 0.2, 600
NEAR, CONTRAST, OFF, STRAIGHT, FOUND = 0.07, 2.0, 0.1, 0.95, 0.01


class Problem(NamedTuple):
    """Matrices to be found, and what is measured of them.

    Args:
        vectors: Their singular vectors, shape (worlds, size, rank).
        singular: Their singular values, shape (rank,), falling.
        sensed: Mean of the measurements' outer products with themselves, shape (worlds,
            size^2, size^2): the identity on symmetric matrices if everything were measured.
    """

    vectors: Array
    singular: Array
    sensed: Array

    def best(self, rank: int) -> Array:
        """The nearest matrices of a rank, shape (worlds, size, size)."""
        kept = self.vectors[:, :, :rank]
        return np.asarray((kept * self.singular[:rank]) @ kept.transpose(0, 2, 1))


def problem(rng: np.random.Generator, worlds: int, singular: Array) -> Problem:
    """Random positive matrices, and symmetric Gaussian measurements of unit mean square."""
    frame = np.linalg.qr(rng.normal(size=(worlds, SIZE, SIZE)))[0]
    sensed = np.empty((worlds, SIZE**2, SIZE**2))
    for w in range(worlds):
        a = rng.normal(size=(MEASURED, SIZE, SIZE))
        # Symmetric parts, scaled so that a symmetric matrix is measured by its own norm.
        flat = ((a + a.transpose(0, 2, 1)) / 2).reshape(MEASURED, -1)
        sensed[w] = flat.T @ flat / MEASURED
    return Problem(frame[:, :, : len(singular)], singular, sensed)


class Course(NamedTuple):
    """What descent passes.

    Args:
        near: Least distance to the best matrix of each rank, as part of its norm, shape
            (rank, worlds).
        strength: Of each true direction in the matrix, shape (steps, worlds, rank).
        lack: Distance to the whole at the end, as part of its norm, shape (worlds,).
    """

    near: Array
    strength: Array
    lack: Array


def descend(p: Problem, factor: Array, steps: int) -> Course:
    """Gradient descent on a quarter of the mean squared error of what U U' measures.

    Args:
        p: The problem.
        factor: U at the start, shape (worlds, size, size).
        steps: How many.
    """
    worlds, rank = len(factor), len(p.singular)
    truth = p.best(rank)
    bests = np.stack([p.best(k + 1) for k in range(rank)])
    norms = np.linalg.norm(bests, axis=(2, 3))
    near, strength = np.full((rank, worlds), np.inf), np.empty((steps, worlds, rank))
    for step in range(steps):
        now = factor @ factor.transpose(0, 2, 1)
        near = np.minimum(near, np.linalg.norm(now - bests, axis=(2, 3)) / norms)
        strength[step] = ((now @ p.vectors) * p.vectors).sum(1)
        pull = (p.sensed @ (now - truth).reshape(worlds, -1, 1)).reshape(now.shape)
        factor = factor - RATE * pull @ factor
    lack = np.linalg.norm(now - truth, axis=(1, 2)) / norms[-1]
    return Course(near, strength, lack)


def half_times(strength: Array, singular: Array) -> Array:
    """Steps until each direction has half its strength, interpolated, shape (worlds, rank)."""
    low = np.log(np.maximum(strength, 1e-300) / (0.5 * singular))
    at = np.maximum((low >= 0).argmax(0), 1)
    pick = (at, *np.indices(at.shape))
    before = low[(at - 1, *pick[1:])]
    return np.asarray(at - 1 + before / (before - low[pick]))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Descend from several starts; see which ranks are passed, and when each is learnt."""
    worlds = 30 if rerun else 5
    rng = np.random.default_rng([seed, 2301])
    singular = np.ones_like(SINGULAR) if falsified else SINGULAR
    p = problem(rng, worlds, singular)
    unit = rng.normal(size=(worlds, SIZE, SIZE)) / np.sqrt(SIZE)
    progress(f"{worlds} matrices from {len(STARTS)} starts")
    course = [descend(p, start * unit, STEPS) for start in STARTS]
    # Starts, then worlds, then ranks.
    times = np.stack([half_times(c.strength, singular) for c in course])
    small = np.log(1 / np.array(STARTS))
    flat = times.reshape(len(STARTS), -1)
    slope, level = np.polyfit(small, flat, 1)
    left = ((flat - slope * small[:, None] - level) ** 2).sum(0)
    straight = 1 - left / ((flat - flat.mean(0)) ** 2).sum(0)
    # A step multiplies a direction's part of the factor by 1 + rate s while it is small.
    theory = 1 / np.log1p(RATE * singular)
    return judge(
        {
            **{
                f"near_{k + 1}": over_worlds(
                    course[-1].near[k],
                    mean,
                    seed=seed,
                    most=NEAR,
                    what=f"least distance to the best matrix of rank {k + 1}, part of its norm, "
                    f"start {STARTS[-1]:g}",
                )
                for k in range(len(singular) - 1)
            },
            **{
                f"farther_{k + 1}": over_worlds(
                    course[0].near[k] / course[-1].near[k],
                    mean,
                    seed=seed,
                    least=CONTRAST,
                    what=f"the same from start {STARTS[0]:g}, as a multiple",
                )
                for k in range(len(singular) - 1)
            },
            "lack": over_worlds(
                course[-1].lack,
                mean,
                seed=seed,
                most=FOUND,
                what="distance to the true matrix at the end, part of its norm",
            ),
            "off_slope": over_worlds(
                np.abs(slope.reshape(worlds, -1) / theory - 1).max(1),
                mean,
                seed=seed,
                most=OFF,
                what="error of the growth of a direction's half time with ln(1/start), largest "
                "of all directions, against 1/ln(1 + rate s)",
            ),
            "straight": over_worlds(
                straight.reshape(worlds, -1).min(1),
                mean,
                seed=seed,
                least=STRAIGHT,
                what="R2 of that line, least of all directions",
            ),
        },
        f"simulation: {worlds} matrices of size {SIZE} and rank {len(singular)}, {MEASURED} "
        f"measurements each, {len(STARTS)} starts",
    )


STUDY = Study(
    name="incremental_rank",
    papers=(
        "Understanding Incremental Learning of Gradient Descent: A Fine-grained Analysis of "
        "Matrix Sensing",
    ),
    claim="Gradient descent on a factor from a small start passes the best matrices of rank one, "
    "two and so on, each learnt at a time linear in ln(1/start) / singular value.",
    criteria=f"From start {STARTS[-1]:g} the best matrix of each lower rank is passed within "
    f"{NEAR}, {CONTRAST:g} times nearer or more than from {STARTS[0]:g}; half times grow with "
    f"ln(1/start) at 1/ln(1 + rate s) within {OFF:.0%}, R2 {STRAIGHT} or more; the matrix is found "
    f"within {FOUND}.",
    check=check,
    full="30 matrices instead of 5",
    falsified="all singular values are equal: there is no order to learn them in",
    note=f"With {MEASURED} measurements of {SIZE * (SIZE + 1) // 2} numbers the loss is nearly "
    "that of the whole matrix; with a tenth of them the best matrix of rank one by distance and "
    "by loss differ so much that no start passes the former nearer than 0.18 of its norm. Size, "
    "number of measurements and the limit on how much nearer were set after looking. Completion, "
    "where single entries are measured, is not tested.",
)
