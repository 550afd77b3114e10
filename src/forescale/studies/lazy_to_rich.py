"""Delayed generalisation without weight decay: the lazier the start, the longer the delay.

Source: Kumar et al. 2023, "Grokking as the Transition from Lazy to Rich Training Dynamics".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.lab.tasks.polynomial import draw
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import median, over_worlds

Array = NDArray[np.float64]

INPUTS, EXAMPLES = 16, 100
SCALES = (0.25, 0.5, 1.0, 2.0)
CURVE = 0.5
#: Curves of the activation at one laziness, scale times curve: alignment differs.
CURVES = (0.25, 1.0)
RATE, STEPS = 1.2, 1500
#: Part of the first loss at which one counts as low.
LOW = 0.1
RISE, TOTAL, FASTER, BETTER = 1.05, 1.3, 0.5, 0.5


class Course(NamedTuple):
    """What networks do in time.

    Args:
        train: Mean square error on the training examples, shape (steps, networks).
        test: The same over all inputs there can be, exact.
        alignment: Of the kernel at the start with the targets, shape (networks,).
    """

    train: Array
    test: Array
    alignment: Array


def test_loss(scale: Array, curve: Array, mean: Array, second: Array, direction: Array) -> Array:
    """Mean square error over Gaussian inputs of variance 1/inputs, shape (networks,).

    Args:
        scale: Of the outputs, shape (networks,).
        curve: Of the activation, shape (networks,).
        mean: Of the hidden weights over neurons, shape (networks, inputs).
        second: Their second moments less those at the start, shape (networks, inputs, inputs).
        direction: The hidden one, shape (networks, inputs).
    """
    inputs = direction.shape[1]
    lack = (scale * curve)[:, None, None] * second - direction[:, :, None] * direction[:, None, :]
    trace = np.trace(lack, axis1=1, axis2=2)
    linear = scale**2 * (mean**2).sum(1) / inputs
    return np.asarray(linear + (2 * (lack**2).sum((1, 2)) + trace**2) / (4 * inputs**2))


def alignment(x: Array, y: Array, curve: Array) -> Array:
    """The alignment y'Ky / (|K| |y|^2) of the tangent kernel at the start, shape (networks,)."""
    inner = x @ x.transpose(0, 2, 1)
    kernel = inner * (1 + curve[:, None, None] ** 2 * inner)
    along = np.einsum("wp,wpq,wq->w", y, kernel, y)
    return np.asarray(along / np.sqrt((kernel**2).sum((1, 2))) / (y**2).sum(1))


def train(
    x: Array, direction: Array, scale: Array, curve: Array, steps: int, frozen: bool = False
) -> Course:
    """Full-batch gradient descent on networks of infinitely many neurons.

    A neuron gives h + curve h^2 / 2 of its input's h = w . x, and the output is scale times
    their mean, less what it was at the start. A step maps all w by one linear map, so mean and
    second moments follow exactly from their own; they start at nought and one.

    Args:
        x: Training inputs, shape (networks, examples, inputs).
        direction: Hidden directions, shape (networks, inputs).
        scale: Of the outputs, shape (networks,).
        curve: Of the activations, shape (networks,).
        steps: How many.
        frozen: Train the networks' linearisation at the start instead.
    """
    n, examples, inputs = x.shape
    across, eye = x.transpose(0, 2, 1), np.eye(inputs)
    y = 0.5 * (x @ direction[:, :, None])[:, :, 0] ** 2
    mean, second = np.zeros((n, inputs, 1)), np.tile(eye, (n, 1, 1))
    # The sharpest direction of the kernel grows with the curve; the step is as much smaller.
    rate = (2 * RATE / (1 + curve**2) / scale / examples)[:, None, None]
    seen: list[tuple[Array, Array]] = []
    for _ in range(steps):
        square = ((x @ (second - eye)) * x).sum(2)
        wrong = scale[:, None] * ((x @ mean)[:, :, 0] + 0.5 * curve[:, None] * square) - y
        exact = test_loss(scale, curve, mean[:, :, 0], second - eye, direction)
        seen.append(((wrong**2).mean(1), exact))
        shift = rate * (across @ wrong[:, :, None])
        pull = rate * curve[:, None, None] * ((across * wrong[:, None, :]) @ x)
        if frozen:
            mean, second = mean - shift, second - 2 * pull
            continue
        turn = eye - pull
        moved = turn @ mean
        cross = moved @ shift.transpose(0, 2, 1)
        second = turn @ second @ turn - cross - cross.transpose(0, 2, 1)
        second = second + shift @ shift.transpose(0, 2, 1)
        mean = moved - shift
    losses = [np.array(part) for part in zip(*seen, strict=True)]
    return Course(losses[0], losses[1], alignment(x, y, curve))


def time_to(loss: Array) -> Array:
    """Steps until a loss is LOW of its first, interpolated; the last one where it never is."""
    low = np.log(loss / (LOW * loss[0]))
    reached = low <= 0
    at = np.where(reached.any(0), reached.argmax(0), 0)
    rows = np.arange(loss.shape[1])
    before, after = low[np.maximum(at - 1, 0), rows], low[at, rows]
    part = before / np.where(before > after, before - after, 1.0)
    return np.where(at > 0, at - 1 + part, float(len(loss)))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train at several output scales and curves; time training and test loss."""
    worlds, steps = (20, 3000) if rerun else (9, STEPS)
    rng = np.random.default_rng([seed, 2310])
    cells = [(s, CURVE) for s in SCALES] + [(CURVE / c, c) for c in CURVES]
    direction = rng.normal(size=(worlds, INPUTS))
    # The length sets the laziness too: it is the same in all worlds.
    direction *= np.sqrt(INPUTS) / np.linalg.norm(direction, axis=1, keepdims=True)
    x = np.stack([draw(rng, EXAMPLES, d)[0] for d in direction])
    progress(f"{worlds * len(cells)} networks, {steps} steps")
    scale, curve = np.repeat(np.array(cells), worlds, axis=0).T
    many = (len(cells), 1)
    shown, hidden = np.tile(x, (*many, 1)), np.tile(direction, many)
    course = train(shown, hidden, scale, curve, steps, frozen=falsified)
    fitted, known = (time_to(loss).reshape(len(cells), worlds) for loss in course[:2])
    delay = known / fitted
    middle = cells.index((1.0, CURVE))
    # In the time of gradient flow, which the smaller steps at a larger curve are not.
    wait = (known - fitted) / (1 + np.array(cells)[:, 1:] ** 2)
    aligned = course.alignment.reshape(len(cells), worlds)
    still = slice(middle * worlds, (middle + 1) * worlds)
    lazy = train(shown[still], hidden[still], scale[still], curve[still], steps, frozen=True)
    return judge(
        {
            **{
                f"rise_to_{SCALES[i + 1]:g}": over_worlds(
                    delay[i + 1] / delay[i],
                    median,
                    seed=seed,
                    least=RISE,
                    what=f"ratio of test to train time over that at output scale {SCALES[i]:g}",
                )
                for i in range(len(SCALES) - 1)
            },
            "rise": over_worlds(
                delay[len(SCALES) - 1] / delay[0],
                median,
                seed=seed,
                least=TOTAL,
                what=f"the same from scale {SCALES[0]:g} to {SCALES[-1]:g}; a lower bound where "
                "the test loss is not low at the end",
            ),
            "beyond_kernel": over_worlds(
                course.test[-1, still] / lazy.test[-1],
                median,
                seed=seed,
                most=BETTER,
                what="test loss over that of the network's linearisation, output scale 1",
            ),
            "aligned_wait": over_worlds(
                wait[-1] / wait[-2],
                median,
                seed=seed,
                most=FASTER,
                what=f"time from fit to generalisation, curve {CURVES[-1]:g} over "
                f"{CURVES[0]:g} at one scale times curve",
            ),
            "aligned_delay": over_worlds(
                delay[-1] / delay[-2],
                median,
                seed=seed,
                what="ratio of test to train time, the same two",
            ),
            "alignment": over_worlds(
                aligned[-1] / aligned[-2],
                median,
                seed=seed,
                what="kernel alignment at the start, the same two",
            ),
        },
        f"simulation: {worlds * len(cells)} networks of infinitely many neurons on {EXAMPLES} "
        f"examples in {INPUTS} dimensions",
    )


STUDY = Study(
    name="lazy_to_rich",
    papers=("Grokking as the Transition from Lazy to Rich Training Dynamics",),
    claim="Without weight decay a network generalises the later after fitting, the larger its "
    "outputs' scale, because it first fits as a kernel would; and the sooner, the better its "
    "kernel at the start is aligned with the targets.",
    criteria=f"The ratio of test to train time is {RISE:g} times or more as large at each next "
    f"of {len(SCALES)} output scales and {TOTAL:g} times in all, the test "
    f"loss ends at {BETTER} or less of the linearised network's, and the time between is {FASTER} "
    "or less where alignment is larger, laziness the same.",
    check=check,
    full="20 networks a cell instead of 9, twice as many steps",
    falsified="networks are linearised at their start: the output scale changes nothing",
    note="Networks have infinitely many neurons and are centred, so that mean and second moments "
    "of the weights say all and the test loss is exact. Alignment does not depend on the output "
    "scale. It changes with the activation's curve, but at one output scale a larger curve also "
    "makes the network lazier (scale times curve is what counts) and its delay ratio larger, not "
    "smaller; so curves are compared at one scale times curve. There the time between falls, in "
    "the learning-rate unit of each scale, as the kernel learns faster; the ratio of times, "
    "aligned_delay, hardly does. Limits and sizes were set after looking at trial runs.",
)
