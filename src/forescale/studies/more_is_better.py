"""At the best ridge more features and more data never hurt, and with little noise one interpolates.

Source: Simon, Karkada, Ghosh & Belkin 2023, "More is Better in Modern Machine Learning: when
Infinite Overparameterization is Optimal and Overfitting is Obligatory".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._eigenframework import risk
from forescale.lab.worlds._equivalents import powers
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, number, over_worlds

Array = NDArray[np.float64]

MODES, ALPHA, BETA = 1000, 1.3, 1.6
WIDTHS = (25, 50, 100, 200, 400, 800)
SAMPLES = (25, 50, 100, 200, 400)
AT_SAMPLES, AT_WIDTH = 200, 400
RIDGES = np.geomspace(1e-7, 1.0, 25)
#: Label noise of the false world: the best student then must not fit its labels.
NOISE = 0.5
MOST_RATIO, OFF = 0.1, 0.12


def errors(shapes: list[tuple[int, int]], noise: float, rng: np.random.Generator) -> Array:
    """Train and test error of each shape at each ridge, shape (shapes, 2, ridges).

    Args:
        shapes: Random features and samples of each student; smaller ones use the first of the
            larger ones' features and samples, so that a draw shifts all alike.
        noise: Variance of the label noise, part of both errors.
        rng: Draws features, samples, target and noise.
    """
    root, wanted = np.sqrt(powers(MODES, ALPHA)), np.sqrt(powers(MODES, BETA))
    wanted = wanted * rng.choice([-1.0, 1.0], MODES)
    most_m, most_n = np.max(shapes, axis=0)
    all_features = rng.normal(size=(most_m, MODES)) * root
    all_z = rng.normal(size=(most_n, MODES))
    all_y = all_z @ wanted + np.sqrt(noise) * rng.normal(size=most_n)
    all_x, gram = all_z @ all_features.T, all_features @ all_features.T
    found = np.empty((len(shapes), 2, len(RIDGES)))
    for i, (m, n) in enumerate(shapes):
        x, y = all_x[:n, :m] / np.sqrt(m), all_y[:n]
        left, s, right = np.linalg.svd(x, full_matrices=False)
        # Axes: r ridge, s singular value, m feature.
        students_rm = (s / (s**2 + RIDGES[:, None]) * (left.T @ y)) @ right
        found[i, 0] = ((y - students_rm @ x.T) ** 2).mean(1)
        reach = students_rm / np.sqrt(m)
        cross = all_features[:m] @ wanted
        found[i, 1] = wanted @ wanted - 2 * reach @ cross + noise
        found[i, 1] += ((reach @ gram[:m, :m]) * reach).sum(1)
    return found


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Sweep features, samples and ridge; compare neighbours, fit at the best, and theory."""
    worlds = 60 if rerun else 9
    noise = NOISE if falsified else 0.0
    rng = np.random.default_rng([seed, 2311])
    shapes = [(m, AT_SAMPLES) for m in WIDTHS] + [(AT_WIDTH, n) for n in SAMPLES]
    progress(f"{worlds} students of {len(shapes)} shapes at {len(RIDGES)} ridges")
    # Axes: shape, world, train or test, ridge.
    found = np.array([errors(shapes, noise, rng) for _ in range(worlds)]).swapaxes(0, 1)
    again = rng.integers(0, worlds, (500, worlds), dtype=np.intp)

    def best(which: NDArray[np.intp]) -> Array:
        """Test error at the ridge that is best on the mean over worlds, shape (shapes,)."""
        return np.asarray(found[:, which, 1].mean(1).min(-1))

    def worst_step(which: NDArray[np.intp]) -> Array:
        """The largest rise of the log error from one size to the next, in width and in data."""
        steps = np.log(best(which))
        cut = len(WIDTHS)
        return np.array([np.diff(steps[:cut]).max(), np.diff(steps[cut:]).max()])

    value, drawn = (
        worst_step(np.arange(worlds, dtype=np.intp)),
        np.array([worst_step(i) for i in again]),
    )
    widest = found[len(WIDTHS) - 1]
    at = widest[:, 1].mean(0).argmin()
    spectrum, power = powers(MODES, ALPHA), powers(MODES, BETA)
    theory = np.array(
        [
            min(
                risk(spectrum, power, width=m, data=n, ridge=r, noise=noise).test
                for r in RIDGES[::4]
            )
            for m, n in shapes
        ]
    )

    def off(which: NDArray[np.intp]) -> float:
        """Median error of the simulation against theory."""
        return float(np.median(np.abs(found[:, which, 1].mean(1)[:, ::4].min(-1) / theory - 1)))

    return judge(
        {
            "step_in_features": number(
                value[0],
                drawn[:, 0],
                most=0.0,
                what=f"largest change of the log test error as features double, {AT_SAMPLES} "
                "samples, best ridge",
            ),
            "step_in_samples": number(
                value[1],
                drawn[:, 1],
                most=0.0,
                what=f"the same as samples double, {AT_WIDTH} features",
            ),
            "train_over_test": over_worlds(
                widest[:, 0, at] / widest[:, 1, at],
                mean,
                seed=seed,
                most=MOST_RATIO,
                what=f"train over test error at the best ridge, {WIDTHS[-1]} features",
            ),
            "theory_off": number(
                off(np.arange(worlds, dtype=np.intp)),
                [off(i) for i in again],
                most=OFF,
                what="median error of the test error against that told by the eigenvalues",
            ),
        },
        f"simulation: {worlds} students of {len(shapes)} shapes, {MODES} modes",
    )


STUDY = Study(
    name="more_is_better",
    papers=(
        "More is Better in Modern Machine Learning: when Infinite Overparameterization is "
        "Optimal and Overfitting is Obligatory",
    ),
    claim="Random-feature regression at its best ridge only gains from more features and more "
    "samples, and on a power-law task with little label noise the best student all but "
    "interpolates.",
    criteria="The test error falls with every doubling of features and of samples, the train "
    f"error at the best ridge is at most {MOST_RATIO} of the test error, and the eigenvalues "
    f"tell the test error within {OFF}.",
    check=check,
    full="60 students of each shape instead of 9",
    falsified=f"labels with noise of variance {NOISE:g}, which the best student must not fit",
    note=f"Gaussian modes, {WIDTHS[0]} to {WIDTHS[-1]} features and {SAMPLES[0]} to "
    f"{SAMPLES[-1]} samples; the ridge is chosen on the mean test error.",
)
