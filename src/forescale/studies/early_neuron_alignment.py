"""From a small start, neurons first turn to the data of their sign; the loss falls only then.

Source: Min, Mallada & Vidal 2023, "Early Neuron Alignment in Two-layer ReLU Networks with Small
Initialization".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

INPUTS, NEURONS, NOISE = 20, 20, 0.5
EXAMPLES = (10, 40, 160)
START, LARGE = 1e-6, 1.0
STEPS, STEP = 1600, 0.1
#: Cosine at which a neuron is aligned, and the part of its first value to which the loss falls.
ALIGNED, FALLEN = 0.95, 0.95
#: The rate is read from this many times the time of the fall on.
LATER = 20.0
SLOPE, RANK = (-1.2, -0.8), 1.1


def examples(rng: np.random.Generator, worlds: int, n: int) -> Array:
    """Inputs times their labels, of length one, shape (worlds, n, INPUTS).

    The loss needs no more: any two have a positive inner product, so inputs of one label
    correlate positively and those of two labels negatively. The first half has label 1.
    """
    out = np.empty((worlds, n, INPUTS))
    centre = np.eye(INPUTS)[0]
    for world in out:
        kept = 0
        while kept < n:
            z = centre + NOISE * rng.normal(size=INPUTS) / np.sqrt(INPUTS)
            z /= np.linalg.norm(z)
            # A draw that stands badly to an earlier one is made again.
            if (world[:kept] @ z > 0).all():
                world[kept] = z
                kept += 1
    return out


class Course(NamedTuple):
    """Gradient flow in time.

    Args:
        time: Shape (steps, worlds).
        loss: Mean logistic loss, shape (steps, worlds).
        cosine: Of the live neuron that is least aligned with its label's mean input, shape
            (steps, worlds).
        weights: Hidden weights at the end, shape (worlds, neurons, inputs).
    """

    time: Array
    loss: Array
    cosine: Array
    weights: Array


def least_cosine(weights: Array, sign: Array, x: Array, y: Array) -> Array:
    """The least cosine of a live neuron with the mean input of the label of its readout's sign.

    Args:
        weights: Shape (worlds, neurons, inputs).
        sign: Of the readouts, shape (neurons,).
        x: Inputs, shape (worlds, n, inputs).
        y: Labels, shape (n,).

    Returns:
        Shape (worlds,). A neuron is live if it answers any example.
    """
    own = np.stack([x[:, y == s].mean(1) for s in (1.0, -1.0)], axis=1)
    target = own[:, np.where(sign > 0, 0, 1)]
    lengths = np.linalg.norm(weights, axis=2) * np.linalg.norm(target, axis=2)
    cosine = (weights * target).sum(2) / lengths
    live = ((weights @ x.transpose(0, 2, 1)) > 0).any(2)
    return np.asarray(np.where(live, cosine, 1.0).min(1))


def train(weights: Array, sign: Array, x: Array, y: Array, steps: int) -> Course:
    """Gradient flow of the mean logistic loss by Euler steps that lengthen as the loss falls.

    Readouts start as long as their neurons' weights, as the flow then keeps them.

    Args:
        weights: Hidden weights at the start, shape (worlds, neurons, inputs).
        sign: Of the readouts, shape (neurons,).
        x: Inputs, shape (worlds, n, inputs).
        y: Labels, shape (n,).
        steps: How many.
    """
    worlds, n = len(weights), len(y)
    readout = sign * np.linalg.norm(weights, axis=2)
    now, seen = np.zeros(worlds), []
    for _ in range(steps):
        hidden = np.maximum(x @ weights.transpose(0, 2, 1), 0.0)
        margin = y * (hidden @ readout[:, :, None])[:, :, 0]
        loss = np.logaddexp(0.0, -margin).mean(1)
        seen.append((now, loss, least_cosine(weights, sign, x, y)))
        # The curvature goes with the loss and the weights' square.
        step = STEP / (loss * (1.0 + (readout**2).sum(1)))
        pull = (y / (1 + np.exp(np.minimum(margin, 500.0))) / n)[:, :, None]
        grow = (pull.transpose(0, 2, 1) @ hidden)[:, 0]
        turn = (pull * (hidden > 0)).transpose(0, 2, 1) @ x
        step_, now = step[:, None], now + step
        weights, readout = (
            weights + (step_ * readout)[:, :, None] * turn,
            readout + step_ * grow,
        )
    time, loss_, cosine = (np.array(part) for part in zip(*seen, strict=True))
    return Course(time, loss_, cosine, weights)


def stable_rank(weights: Array) -> Array:
    """Squared Frobenius over squared spectral norm, shape (...,)."""
    s2 = np.linalg.svd(weights, compute_uv=False) ** 2
    return np.asarray(s2.sum(-1) / s2.max(-1))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train networks on few and many examples; compare alignment with the loss in time."""
    worlds = 30 if rerun else 5
    rng = np.random.default_rng([seed, 2307])
    sign = np.where(np.arange(NEURONS) % 2, 1.0, -1.0)
    least, wait, slope, rank, closest = ([] for _ in range(5))
    for n in EXAMPLES:
        progress(f"{worlds} networks on {n} examples")
        z, y = examples(rng, worlds, n), np.where(np.arange(n) < n // 2, 1.0, -1.0)
        closest.append((z @ z.transpose(0, 2, 1)).min((1, 2)))
        start = (LARGE if falsified else START) * rng.normal(size=(worlds, NEURONS, INPUTS))
        course = train(start / np.sqrt(INPUTS), sign, z * y[:, None], y, STEPS)
        rows = np.arange(worlds)
        fall = (course.loss <= FALLEN * course.loss[0]).argmax(0)
        least.append(course.cosine[fall, rows])
        # A cosine reached late or never has the last time.
        aligned = np.where(
            (course.cosine >= ALIGNED).any(0), (course.cosine >= ALIGNED).argmax(0), -1
        )
        wait.append(course.time[aligned, rows])
        late = [
            course.time[:, w] > LATER * max(course.time[fall[w], w], course.time[1, w])
            for w in rows
        ]
        slope.append(
            [
                np.polyfit(np.log(course.time[k, w]), np.log(course.loss[k, w]), 1)[0]
                for w, k in enumerate(late)
            ]
        )
        rank.append(np.max([stable_rank(course.weights[:, sign == s]) for s in (1, -1)], axis=0))
    grown = np.log(EXAMPLES[-1]) / np.log(EXAMPLES[0])
    return judge(
        {
            "aligned": over_worlds(
                np.min(least, axis=0),
                mean,
                seed=seed,
                least=ALIGNED,
                what="least cosine of a live neuron with its label's mean input when the loss "
                f"has fallen {1 - FALLEN:.0%}",
            ),
            "wait": over_worlds(
                np.array(wait[-1]) / wait[0],
                mean,
                seed=seed,
                most=grown,
                what=f"time to align with {EXAMPLES[-1]} examples over that with {EXAMPLES[0]}; "
                "logarithms of the numbers have the limit's ratio",
            ),
            "rate": over_worlds(
                np.mean(slope, axis=0),
                mean,
                seed=seed,
                least=SLOPE[0],
                most=SLOPE[1],
                what="exponent of the loss in time, late",
            ),
            "stable_rank": over_worlds(
                np.max(rank, axis=0),
                mean,
                seed=seed,
                most=RANK,
                what="stable rank at the end of the weights of one sign, the larger of both",
            ),
            "separation": over_worlds(
                np.min(closest, axis=0),
                mean,
                seed=seed,
                what="least cosine of two inputs times labels",
            ),
        },
        f"simulation: {worlds * len(EXAMPLES)} networks of {NEURONS} neurons, {STEPS} steps",
    )


STUDY = Study(
    name="early_neuron_alignment",
    papers=("Early Neuron Alignment in Two-layer ReLU Networks with Small Initialization",),
    claim="Where inputs of one label correlate positively and of two labels negatively, neurons "
    "that start small align with the inputs of their sign before the loss falls; it then falls "
    "as 1/time, and the weights of each sign have rank one.",
    criteria=f"Every live neuron has cosine {ALIGNED} or more with its label's mean input when "
    f"the loss has fallen {1 - FALLEN:.0%}, the time to align grows at most as the logarithm of "
    f"the examples, the late exponent of the loss is within {SLOPE[0]} and {SLOPE[1]}, and the "
    f"stable rank of each sign's weights ends at {RANK} or less.",
    check=check,
    full="30 networks for each number of examples instead of 5",
    falsified=f"weights start at {LARGE:g} instead of {START:g}: the loss falls before they turn",
    note="The loss is the mean over examples, for which a time that does not grow with their "
    "number is the stricter test: the paper's loss is a sum, whose gradient grows with it. A "
    "neuron that answers no example does not count as live; such neurons stay at their start. "
    "Only the upper bound on the time is tested.",
)
