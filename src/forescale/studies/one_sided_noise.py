"""Labels that can only be too low, and runs whose poor tuning can only raise the loss.

Source: Katsuki & Osogami 2023, "Regression with Sensor Data Containing Incomplete
Observations".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale import laws
from forescale.fit import fit
from forescale.runs import RunTable
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, median, number, over_worlds

Array = NDArray[np.float64]

#: Regression: noise 1, the mean of what lowers half of the labels, labels per world.
LOWERED, LABELS = 6.0, 1000
#: Runs: share that is badly tuned, range of the excess, noise of the rest. In our own sweeps a
#: learning rate eight times too low costs 5 % to 14 % (stdlib_bytes_lr), a batch eight times too
#: large 21 % (stdlib_bytes_batch).
SHARE, EXCESS, NOISE = 0.5, (0.03, 0.25), 0.003
SIZES, REPEATS = np.geomspace(1e6, 1e8, 9), 12
TARGET = 1e9
BIAS, OFF, SQUARES_OFF = 0.1, 0.005, 0.05


def corrected(x: Array, y: Array) -> Array:
    """Intercept and slope of a line through labels that may be too low.

    Only labels above the line are believed; those below are used without their label. With a
    loss that is squared above the line and linear, of slope c, below it, the gradient is
    pi E_up[-(2 (y - f) + c) grad f] + c E[grad f], which needs no label from below. pi = 1/2
    is the share above the line had no label been lowered, and c = 2 sigma sqrt(2/pi) makes
    the line the minimum under normal noise, whose sigma the labels above tell.

    Args:
        x: Inputs, shape (n,).
        y: Labels, shape (n,).
    """
    design = np.column_stack([np.ones_like(x), x])
    w = np.linalg.lstsq(design, y, rcond=None)[0]
    everywhere = design.mean(0)
    # The scale follows the line, so it converges linearly: a hundred steps, more at times.
    for _ in range(400):
        above = y >= design @ w
        if above.sum() < 10:
            break
        r, z = (y - design @ w)[above], design[above]
        c = 2.0 * np.sqrt((r * r).mean()) * np.sqrt(2.0 / np.pi)
        gradient = -0.5 * ((2.0 * r + c)[:, None] * z).mean(0) + c * everywhere
        step = np.linalg.solve(z.T @ z / len(r), gradient)
        w = w - step
        if np.abs(step).max() < 1e-5:
            break
    return np.asarray(w)


def regression_bias(worlds: int, seed: int, sign: float) -> tuple[Array, Array]:
    """Mean error of the corrected line and of least squares, one of each per world."""
    rng = np.random.default_rng([seed, 2304])
    own, squares = np.empty(worlds), np.empty(worlds)
    for i in range(worlds):
        x = rng.uniform(0.0, 10.0, LABELS)
        truth = 2.0 + 1.5 * x
        lowered = np.where(rng.random(LABELS) < 0.5, rng.exponential(LOWERED, LABELS), 0.0)
        y = truth + rng.normal(size=LABELS) - sign * lowered
        w = corrected(x, y)
        own[i] = (w[0] + w[1] * x - truth).mean()
        squares[i] = (np.polyval(np.polyfit(x, y, 1), x) - truth).mean()
    return own, squares


def frontier_errors(
    worlds: int,
    seed: int,
    falsified: bool,
    *,
    repeats: int = REPEATS,
    only: tuple[str, ...] = ("one-sided", "huber", "lsq-log"),
) -> dict[str, Array]:
    """Signed relative error at ten times the largest size, by objective, one per world."""
    rng = np.random.default_rng([seed, 2305])
    law = laws.get("size_power")
    truth = {"E": 1.8, "A": 400.0, "alpha": 0.34}
    sizes = np.repeat(SIZES, repeats)
    clean, target = law.predict({"N": sizes}, truth), law.predict({"N": TARGET}, truth)
    out: dict[str, list[float]] = {name: [] for name in only}
    for _ in range(worlds):
        bad = rng.random(len(sizes)) < SHARE
        excess = bad * rng.uniform(*EXCESS, len(sizes))
        if falsified:
            excess *= rng.choice([-1.0, 1.0], len(sizes))
        y = clean * (1 + excess) * np.exp(NOISE * rng.normal(size=len(sizes)))
        table = RunTable({"N": sizes, "L": y})
        for name, errors in out.items():
            fitted = fit(table, law, objective=name, starts=8, seed=seed)
            errors.append(float(fitted.predict({"N": [TARGET]})[0] / target - 1.0))
    return {name: np.array(errors) for name, errors in out.items()}


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Compare the corrected line with least squares, then objectives on scaling runs."""
    worlds = 300 if rerun else 16
    progress(f"{worlds} regressions and {worlds} tables of {len(SIZES) * REPEATS} runs")
    own, squares = regression_bias(8 * worlds, seed, -1.0 if falsified else 1.0)
    rng = np.random.default_rng([seed, 3])
    drawn = rng.integers(0, len(own), size=(1000, len(own)))
    ratio = np.abs(own[drawn].mean(1)) / np.abs(squares[drawn].mean(1))
    errors = frontier_errors(worlds, seed, falsified)
    few = frontier_errors(worlds, seed + 1, falsified, repeats=4, only=("one-sided",))
    # Least squares scatters more from table to table, and is quick: it gets more of them.
    more = frontier_errors(4 * worlds, seed + 2, falsified, only=("lsq-log",))
    one, huber = errors["one-sided"], errors["huber"]
    lsq = np.concatenate([errors["lsq-log"], more["lsq-log"]])
    return judge(
        {
            "bias_ratio": number(
                abs(own.mean()) / abs(squares.mean()),
                ratio,
                most=BIAS,
                what="mean bias of the corrected line over that of least squares",
            ),
            "one_sided_off": over_worlds(
                np.abs(one),
                median,
                seed=seed,
                most=OFF,
                what="median |error| of the frontier loss at 10x, objective one-sided",
            ),
            "lsq_high": over_worlds(
                lsq,
                mean,
                seed=seed,
                least=SQUARES_OFF,
                what="mean error of least squares there, positive is too high",
            ),
            "huber_high": over_worlds(huber, mean, seed=seed, what="the same with huber"),
            "one_sided_36": over_worlds(
                np.abs(few["one-sided"]),
                median,
                seed=seed,
                what="median |error| of one-sided with 36 runs in place of 108",
            ),
            "one_sided_bias": over_worlds(one, mean, seed=seed, what="the same, one-sided"),
            "one_sided_p90": over_worlds(
                np.abs(one),
                lambda v: np.quantile(v, 0.9, axis=-1),
                seed=seed,
                what="|error| of one-sided at the ninetieth percentile of tables",
            ),
        },
        f"simulation: {8 * worlds} regressions of {LABELS} labels",
        f"simulation: {worlds} tables of {len(SIZES) * REPEATS} runs, {SHARE:.0%} of them "
        f"{EXCESS[0]:.0%} to {EXCESS[1]:.0%} too high",
    )


STUDY = Study(
    name="one_sided_noise",
    papers=("Regression with Sensor Data Containing Incomplete Observations",),
    claim="Where errors are one-sided and unmarked, regression that believes only the labels "
    "on the clean side is as good as unbiased; sign-flipped, so are forecasts of the frontier "
    "from runs half of which are badly tuned.",
    criteria=f"The corrected line's bias is at most {BIAS:.0%} of least squares'; the frontier "
    f"loss at 10x is forecast with median error at most {OFF:.1%}, where least squares is "
    f"{SQUARES_OFF:.1%} too high or more.",
    check=check,
    full="300 worlds instead of 16",
    falsified="labels raised instead of lowered; excess of either sign in the runs",
    note="Least squares inherits the mean excess, so its error is set by how badly the runs are "
    "tuned: with an excess of 3 % to 12 %, as in a first trial, it is 3.1 % too high on average "
    "and no seed makes it 5 %; here it is 3 % to 25 %. The median error of one-sided is within "
    "the limit with a hundred runs; with a third of that it is about twice as large "
    "(one_sided_36), and with seven runs in ten badly tuned it is lost (2.7 %). Exponential "
    "lowering that is not large against the noise leaks above the line: the bias left is 6 % at "
    "a mean of 5 noises and 20 % at 2.",
)
