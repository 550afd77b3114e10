"""Does a trained network's error fall as one over its width, as an average of tickets would?

Source: Liu & Tegmark 2023, "A Neural Scaling Law from Lottery Ticket Ensembling".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._adam import Adam
from forescale.studies._interval import RESAMPLES, number
from forescale.studies._recorded import simulated

Array = NDArray[np.float64]

WIDTHS = (8, 16, 32, 64, 128)
POINTS, NETWORKS = 64, 16
#: Peak rates, and steps at each.
RATES, STEPS = (0.003, 0.01), 3000
#: Width of the networks that are averaged.
NARROW = WIDTHS[0]
CENTRE, OFF = 1.0, 0.25
COLUMNS = ("rate", "width", "averaged", "network", "mse")


def silu(z: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The activation and its derivative."""
    s = np.asarray(1 / (1 + np.exp(-z)), np.float32)
    return np.asarray(z * s), np.asarray(s * (1 + z * (1 - s)))


def errors(width: int, rate: float, networks: int, rng: np.random.Generator) -> Array:
    """Residuals of trained networks of one hidden layer on a grid, (networks, POINTS)."""
    x = np.linspace(-1, 1, POINTS, dtype=np.float32)[None, :, None]
    y = x**2
    shape = networks, 1, width
    w = rng.uniform(-1, 1, shape).astype(np.float32)
    b = rng.uniform(-1, 1, shape).astype(np.float32)
    v = (rng.uniform(-1, 1, (networks, width, 1)) * width**-0.5).astype(np.float32)
    c = np.zeros((networks, 1, 1), np.float32)
    adam = Adam([w, b, v, c], rate, STEPS)
    for _ in range(STEPS):
        hidden, slope = silu(x * w + b)
        off = (hidden @ v + c - y) * np.float32(2 / POINTS)
        back = (off * v.transpose(0, 2, 1)) * slope
        adam.step(
            [
                (x * back).sum(1, keepdims=True),
                back.sum(1, keepdims=True),
                hidden.transpose(0, 2, 1) @ off,
                off.sum(1, keepdims=True),
            ]
        )
    return np.asarray((silu(x * w + b)[0] @ v + c - y)[..., 0], float)


def measured(seed: int) -> Iterator[tuple[float, ...]]:
    """Rows of `COLUMNS`: wide networks, and averages of as many narrow ones as make that width."""
    for rate in RATES:
        for width in WIDTHS:
            rng = np.random.default_rng([seed, width])
            for i, off in enumerate(errors(width, rate, NETWORKS, rng)):
                yield rate, width, 1, i, float((off**2).mean())
        rng = np.random.default_rng([seed, 1])
        count = WIDTHS[-1] // NARROW
        tickets = errors(NARROW, rate, NETWORKS * count, rng).reshape(NETWORKS, count, POINTS)
        for width in WIDTHS:
            for i, off in enumerate(tickets[:, : width // NARROW].mean(1)):
                yield rate, width, width // NARROW, i, float((off**2).mean())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Slopes of log error in log width, of wide networks and of averages of narrow ones."""
    table, data = simulated(
        "lottery_tickets",
        COLUMNS,
        measured,
        what="networks",
        rerun=rerun,
        seed=seed,
        progress=progress,
    )
    rng = np.random.default_rng([seed, 2310])
    numbers = {}
    for rate in RATES:
        of = table["rate"] == rate
        # A narrow network alone stands twice in the table; the average of one comes second.
        alone, together = (
            np.array([table["mse"][of & (table["width"] == w)][half] for w in WIDTHS])
            for half in (slice(NETWORKS), slice(NETWORKS, None))
        )
        if falsified:
            # Every width errs as the narrow ones do: nothing is averaged.
            alone = together = np.repeat(alone[:1], len(WIDTHS), 0)
        for name, got, what in (
            ("slope", alone, "networks of that width"),
            ("average_slope", together, f"averages of networks of width {NARROW}"),
        ):
            chosen = rng.integers(0, NETWORKS, (RESAMPLES, len(WIDTHS), NETWORKS))
            drawn = np.log(np.take_along_axis(got[None], chosen, 2).mean(2))
            logs = np.log(np.array(WIDTHS))
            numbers[f"{name}_{rate:g}"] = number(
                float(np.polyfit(logs, np.log(got.mean(1)), 1)[0]),
                np.polyfit(logs, drawn.T, 1)[0],
                what=f"slope of log error in log width, {what}, rate {rate:g}",
                least=-CENTRE - OFF,
                most=-CENTRE + OFF,
            )
        for w, mse in zip(WIDTHS, alone, strict=True):
            chosen = rng.integers(0, NETWORKS, (RESAMPLES, NETWORKS))
            numbers[f"mse_{w}_{rate:g}"] = number(
                float(mse.mean()),
                mse[chosen].mean(1),
                what=f"mean squared error at width {w}, rate {rate:g}",
            )
    return judge(numbers, data)


STUDY = Study(
    name="lottery_tickets",
    papers=("A Neural Scaling Law from Lottery Ticket Ensembling",),
    claim="The error of a trained network on y = x^2 falls as one over its width, because a wide "
    "network is an average of narrow ones' errors.",
    criteria=f"The slope of log error in log width is {-CENTRE:g} within {OFF}, for networks of "
    f"width {WIDTHS[0]} to {WIDTHS[-1]} and for averages of networks of width {NARROW}, at both "
    "rates.",
    check=check,
    full="all networks trained anew (minutes)",
    falsified="every width has the errors of the narrowest",
    note=f"SiLU networks of one hidden layer, {STEPS} steps of Adam on all of {POINTS} points; "
    "the error is on those points. The slope hangs on the rate: wide networks also train faster, "
    "or less steadily, so a slope near -1 at one setting says nothing about the mechanism, and a "
    "claim about a mechanism must hold at every reasonable one. The lab's world 'lottery' shows "
    "that the mechanism gives -1 where tickets are averaged by design. Here averages of narrow "
    "networks err as one does: what they leave is common to them. The limits were set before the "
    "runs; errors were first averaged in logs, and are now averaged as they are, as the average "
    "of independent errors asks; both ways fail.",
)
