"""Time, width and compute each have an exponent, told by spectrum and target.

Source: Bordelon, Atanasov & Pehlevan 2024, "A Dynamical Model of Neural Scaling Laws".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._equivalents import powers
from forescale.lab.worlds.dynamical import END, loss, time_exponent, width_exponent
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._exponent import lowest, slope
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

#: Power of the target (a) and spectrum (b) of the paper's figures, and one past its range.
TASKS = ((1.6, 1.3), (2.0, 1.5))
BEYOND = (3.5, 1.5)
MODES = 2500
WIDTHS = np.unique(np.geomspace(10, 200, 13).round())
TIMES = np.geomspace(0.4, 400, 30)
#: Budgets whose best width is well inside WIDTHS.
BUDGETS = np.geomspace(120, 1200, 5)
OFF, MOST_WIDTH_SHARE = 0.12, 0.5


def exponents(a: float, b: float, rng: np.random.Generator, falsified: bool) -> Array:
    """Exponents in time, width and compute, and of the best width, of one draw; shape (4,)."""
    spectrum, power = powers(MODES, b), powers(MODES, a)
    if falsified:
        power = rng.permutation(power)
    times = np.append(TIMES, END)
    found = np.array([loss(spectrum, power, m, np.inf, times, rng) for m in WIDTHS])
    # Later than the top mode's time, and long before the widest student stands still.
    early = (times >= 1) & (times <= WIDTHS[-1] ** b / 100)
    in_time = -slope(times[early], found[-1, early])
    in_width = -slope(WIDTHS, found[:, -1])
    # Every student's curve is read off at the times that each budget buys it.
    best = []
    for compute in BUDGETS:
        t = compute / WIDTHS
        able = (t >= TIMES[0]) & (t <= TIMES[-1])
        at = [
            np.interp(np.log(s), np.log(TIMES), np.log(row[:-1]))
            for s, row in zip(t, found, strict=True)
        ]
        best.append(lowest(WIDTHS, np.where(able, np.exp(at), np.nan)))
    width, height = slope(BUDGETS, np.array(best).T)
    return np.array([float(in_time), float(in_width), -height, width])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Measure the exponents of students on drawn features, and hold them against theory."""
    worlds = 60 if rerun else 7
    rng = np.random.default_rng([seed, 2402])
    numbers = {}
    for a, b in (*TASKS, BEYOND):
        progress(f"a = {a:g}, b = {b:g}: {worlds} draws of features at {len(WIDTHS)} widths")
        count = worlds if (a, b) in TASKS else 1 + worlds // 3
        found = np.array([exponents(a, b, rng, falsified) for _ in range(count)])
        label = f"a{a:g}_b{b:g}"
        if (a, b) == BEYOND:
            numbers[f"width_{label}"] = over_worlds(
                found[:, 1],
                mean,
                seed=seed,
                what=f"exponent in width; min(a - 1, 2 b) is {min(a - 1, 2 * b):.3g}, "
                f"min(a - 1, b) is {width_exponent(a, b):.3g}",
            )
            continue
        truth = (time_exponent(a, b), min(a - 1, 2 * b), (a - 1) / (1 + b))
        for k, what in enumerate(("time", "width", "compute")):
            numbers[f"{what}_{label}"] = over_worlds(
                found[:, k],
                mean,
                seed=seed,
                least=truth[k] - OFF,
                most=truth[k] + OFF,
                what=f"exponent in {what}; {truth[k]:.3f} by theory",
            )
        numbers[f"best_width_{label}"] = over_worlds(
            found[:, 3],
            mean,
            seed=seed,
            most=MOST_WIDTH_SHARE,
            what=f"exponent of the best width in compute; {1 / (1 + b):.3f} by theory",
        )
    return judge(numbers, f"simulation: {worlds} draws at widths up to {WIDTHS[-1]:.0f}")


STUDY = Study(
    name="dynamical_model",
    papers=("A Dynamical Model of Neural Scaling Laws",),
    claim="Random-feature students of a task with spectrum k^-b and target power k^-a lose "
    "t^-(a-1)/b in time, width^-min(a-1, 2b) in width and C^-(a-1)/(1+b) at the best split of "
    "compute, which gives time the larger share.",
    criteria=f"The three exponents are within {OFF} of theory at two tasks, and the best width "
    f"grows slower than C^{MOST_WIDTH_SHARE}.",
    check=check,
    full="60 draws of features instead of 7",
    falsified="a target whose powers are dealt to the modes at random",
    note="The paper's width exponent min(a - 1, 2 b) is that of data; its own equations give "
    "min(a - 1, b) in width at the end of training, which differs only for a - 1 > b, past the "
    "paper's figures: see the number at a = 3.5, b = 1.5, which no verdict hangs on.",
)
