"""Large weights and a small weight decay hold training at a kernel's solution, then it switches.

Source: Lyu et al. 2023, "Dichotomy of Early and Late Phase Implicit Biases Can Provably Induce
Grokking".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, median, over_worlds

Array = NDArray[np.float64]

INPUTS, EXAMPLES, SPARSE = 60, 28, 2
SCALES, DECAYS = (4.0, 8.0, 16.0), (1e-3, 4e-3)
#: The control starts at scales this much smaller: as far as decay leads the others.
SMALL = 1e-3
#: Part of what knowing nothing costs, at which training and test error count as low.
LOW = 0.1
EARLY, LATE, NEWTON = 60, 140, 4
#: Decay times time at which the last step ends, beyond the scale's logarithm.
BEYOND = 5.0
OFF_SLOPE, OFF_DECAY, AT_ONCE, OFF_KERNEL = 0.1, 0.1, 0.05, 0.1


class Course(NamedTuple):
    """Networks in time: what they lack, as parts of what knowing nothing lacks.

    Args:
        time: Of gradient flow, shape (steps, networks).
        train: Mean square error on the examples, shape (steps, networks).
        test: Squared distance of the linear map from the true one, shape (steps, networks).
    """

    time: Array
    train: Array
    test: Array


def examples(rng: np.random.Generator, worlds: int) -> tuple[Array, Array]:
    """Inputs, shape (worlds, EXAMPLES, INPUTS), and sparse maps, shape (worlds, INPUTS)."""
    truth = np.zeros((worlds, INPUTS))
    truth[:, :SPARSE] = rng.choice([-1.0, 1.0], (worlds, SPARSE))
    return rng.normal(size=(worlds, EXAMPLES, INPUTS)), truth


def grid(scale: Array, decay: Array) -> Array:
    """Times at which the flow is followed, shape (EARLY + LATE, networks).

    They grow geometrically while the examples are learnt, then evenly while the weights decay.
    """
    learn, switch = 1e-2 / (1 + scale**2), 0.05 / decay
    early = learn * (switch / learn) ** np.linspace(0, 1, EARLY)[:, None]
    last = (np.maximum(np.log(scale), 0.0) + BEYOND) / decay
    late = switch + (last - switch) * np.linspace(0, 1, LATE + 1)[1:, None]
    return np.concatenate([early, late])


def flow(x: Array, truth: Array, scale: Array, decay: Array, times: Array) -> Course:
    """Gradient flow of the map u^2 - v^2 from u = v = scale, with weight decay.

    Decay shrinks u v as exp(-2 decay t) exactly and does not touch u / v, whose logarithm moves
    along the examples. So the flow is one of as many numbers as examples, whose map is
    2 size^2 sinh(2 q), q = x' along, size = scale exp(-decay t): backward Euler with Newton.

    Args:
        x: Inputs, shape (networks, examples, inputs).
        truth: True maps, shape (networks, inputs).
        scale: All weights at the start, shape (networks,).
        decay: Weight decay, shape (networks,): half of it times the weights' square is added
            to half the mean square error.
        times: Rising, shape (steps, networks).
    """
    n, count, _ = x.shape
    across, y = x.transpose(0, 2, 1), (x @ truth[:, :, None])[:, :, 0]
    along, now = np.zeros((n, count)), np.zeros(n)
    train, test = [], []
    for then in times:
        gain = (2 * (then - now) / count)[:, None]
        power = (2 * (scale * np.exp(-decay * then)) ** 2)[:, None]
        old, now = along, then
        for _ in range(NEWTON):
            q = (across @ along[:, :, None])[:, :, 0]
            lack = along - old + gain * ((x @ (power * np.sinh(2 * q))[:, :, None])[:, :, 0] - y)
            bend = (x * (gain * 2 * power * np.cosh(2 * q))[:, None, :]) @ across
            bend[:, np.arange(count), np.arange(count)] += 1.0
            move = np.linalg.solve(bend, lack[:, :, None])[:, :, 0]
            # A Newton step on a sinh may go far too far: none moves a logarithm by more than one.
            reach = np.abs((across @ move[:, :, None])[:, :, 0]).max(1, keepdims=True)
            along = along - move / np.maximum(1.0, reach)
        q = (across @ along[:, :, None])[:, :, 0]
        map_ = power * np.sinh(2 * q)
        off = (x @ (map_ - truth)[:, :, None])[:, :, 0]
        train.append((off**2).sum(1) / (y**2).sum(1))
        test.append(((map_ - truth) ** 2).sum(1) / (truth**2).sum(1))
    return Course(times, np.array(train), np.array(test))


def time_to(time: Array, lack: Array) -> Array:
    """When each column first is LOW, interpolated between steps; the last time if never."""
    reached = lack <= LOW
    at, rows = np.where(reached.any(0), reached.argmax(0), len(time) - 1), np.arange(time.shape[1])
    before = np.maximum(at - 1, 0)
    high, low = lack[before, rows], lack[at, rows]
    part = np.where(reached.any(0) & (high > low), (high - LOW) / np.maximum(high - low, 1e-30), 1)
    return np.asarray(time[before, rows] + part * (time[at, rows] - time[before, rows]))


def kernel_error(x: Array, truth: Array) -> Array:
    """Test error of the interpolating map of least square norm, shape (worlds,)."""
    found = np.linalg.pinv(x) @ (x @ truth[:, :, None])
    return np.asarray(((found[:, :, 0] - truth) ** 2).sum(1) / (truth**2).sum(1))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Follow networks from several scales under two decays; time fit and generalisation."""
    worlds = 30 if rerun else 5
    rng = np.random.default_rng([seed, 2311])
    factor = SMALL if falsified else 1.0
    cells = np.array([(s * factor, d) for d in DECAYS for s in SCALES])
    x, truth = examples(rng, worlds)
    progress(f"{len(cells) * worlds} networks")
    scale, decay = np.repeat(cells, worlds, axis=0).T
    many = (len(cells), 1)
    course = flow(np.tile(x, (*many, 1)), np.tile(truth, many), scale, decay, grid(scale, decay))
    shape = (len(DECAYS), len(SCALES), worlds)
    known = (decay * time_to(course.time, course.test)).reshape(shape)
    fitted = (decay * time_to(course.time, course.train)).reshape(shape)
    slopes = np.polyfit(np.log(SCALES), known.mean(0), 1)[0]
    plateau = course.test[EARLY - 1].reshape(shape)[:, -1].mean(0)
    return judge(
        {
            "fitted": over_worlds(
                (fitted / known).max((0, 1)),
                mean,
                seed=seed,
                most=AT_ONCE,
                what="time to fit the examples over that to generalise, largest of all cells",
            ),
            "plateau": over_worlds(
                plateau / kernel_error(x, truth),
                mean,
                seed=seed,
                least=1 - OFF_KERNEL,
                most=1 + OFF_KERNEL,
                what=f"test error at time 0.05/decay over the kernel's, scale {SCALES[-1]:g}",
            ),
            "slope": over_worlds(
                slopes,
                mean,
                seed=seed,
                least=1 - OFF_SLOPE,
                most=1 + OFF_SLOPE,
                what="slope of decay times time to generalise in the scale's logarithm",
            ),
            "decay": over_worlds(
                np.abs(known[1] - known[0]).mean(0),
                mean,
                seed=seed,
                most=OFF_DECAY,
                what=f"change of decay times time to generalise when decay is {DECAYS[1]:g}, "
                f"not {DECAYS[0]:g}",
            ),
            "constant": over_worlds(
                known.mean((0, 1)) - np.log(SCALES).mean(),
                median,
                seed=seed,
                what="decay times time to generalise, less the scale's logarithm",
            ),
        },
        f"simulation: {len(scale)} diagonal networks on {EXAMPLES} examples in {INPUTS} "
        f"dimensions, {SPARSE} of which count",
    )


STUDY = Study(
    name="kernel_to_min_norm",
    papers=("Dichotomy of Early and Late Phase Implicit Biases Can Provably Induce Grokking",),
    claim="From large weights under a small decay a diagonal network fits sparse examples at "
    "once, stays at the kernel's solution, and generalises at time (ln scale + c) / decay.",
    criteria=f"Fitting takes at most {AT_ONCE} of the time to generalise, the test error before "
    f"the switch is within {OFF_KERNEL:.0%} of the kernel's, decay times time to generalise rises "
    f"with slope 1 +- {OFF_SLOPE} in ln scale and changes at most {OFF_DECAY} between decays.",
    check=check,
    full="30 worlds instead of 5",
    falsified=f"weights start {1 / SMALL:g} times smaller, where no kernel holds them",
    note="Gradient flow, not descent: decay shrinks each product u v exactly and leaves u / v to "
    "the examples, so the time of the switch is that at which scale times exp(-decay time) has "
    "come down to a size that the examples set; slope one is therefore exact as decay goes to "
    "zero. c is of these examples and of the "
    f"{LOW:.0%} of test error at which they count as known; it is no constant of the law.",
)
