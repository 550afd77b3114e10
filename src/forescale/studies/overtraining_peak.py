"""Overtraining is worst where examples equal parameters, as random matrix theory says.

Source: Advani & Saxe 2017, "High-dimensional dynamics of generalization error in neural networks".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._equivalents import powers
from forescale.lab.worlds.linear_teacher import errors, means
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import median, number, over_worlds

Array = NDArray[np.float64]

INPUTS, NOISE = 150, 0.5
RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)
TIMES = np.geomspace(0.3, 60.0, 12)
OFF, LEAST_PEAK, RESAMPLES = 0.03, 1.5, 300


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train linear students to many times and hold both errors against the spectrum's integrals."""
    worlds = 100 if rerun else 10
    rng = np.random.default_rng([seed, 1710])
    variance = powers(INPUTS, 1.0) * INPUTS / powers(INPUTS, 1.0).sum() if falsified else 1.0
    progress(f"{worlds} students of {INPUTS} inputs at each of {len(RATIOS)} numbers of examples")
    # Axes: world, ratio, train or test, time.
    found = np.array(
        [
            [errors(INPUTS, round(r * INPUTS), NOISE, TIMES, rng, variance) for r in RATIOS]
            for _ in range(worlds)
        ]
    )
    theory = np.array([np.transpose([means(r, t, NOISE) for t in TIMES]) for r in RATIOS])
    # Where training has all but ended, the train error is a ratio of nothings.
    seen = theory > 1e-2

    def off(students: Array) -> Array:
        """Median errors of the mean train and test error, shape (2,)."""
        gap = np.abs(students.mean(0) / theory - 1)
        return np.array([np.median(gap[:, k][seen[:, k]]) for k in (0, 1)])

    again = rng.integers(0, worlds, (RESAMPLES, worlds))
    drawn = np.array([off(found[i]) for i in again])
    test = found[:, :, 1]
    rise = test[:, :, -1] - test.min(-1)
    peak = RATIOS.index(1.0)
    others = np.delete(rise, peak, axis=1).max(1)
    numbers = {
        f"{what}_off": number(
            off(found)[k],
            drawn[:, k],
            most=OFF,
            what=f"median error of the mean {what} error against the Marchenko-Pastur integral",
        )
        for k, what in enumerate(("train", "test"))
    }
    numbers["peak"] = over_worlds(
        rise[:, peak] / others,
        median,
        seed=seed,
        least=LEAST_PEAK,
        what="rise of the test error past its best time at P = N, over the largest elsewhere",
    )
    return judge(numbers, f"simulation: {worlds} students of {INPUTS} inputs, noise {NOISE:g}")


STUDY = Study(
    name="overtraining_peak",
    papers=("High-dimensional dynamics of generalization error in neural networks",),
    claim="Train and test error of a linear student in time follow integrals over the "
    "Marchenko-Pastur spectrum, and overtraining hurts most where examples equal parameters.",
    criteria=f"Both mean errors are within {OFF:.0%} of the integrals (median over times and "
    f"ratios), and the rise past the best time at P = N is {LEAST_PEAK} times that at any other "
    "ratio or more.",
    check=check,
    full="100 students instead of 10",
    falsified="inputs whose variances fall as 1/k: not the spectrum of the theory",
    note="Ratios P/N of 1/4 to 4. Train errors below 0.01 are left out: there both are nearly "
    "zero and their ratio says nothing.",
)
