"""The eigenvalues of a kernel alone tell what interpolation costs over the best ridge.

Source: Zhou, Simon, Vardi & Srebro 2023, "An Agnostic View on the Cost of Overfitting in (Kernel)
Ridge Regression".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._eigenframework import cut
from forescale.lab.worlds._equivalents import powers
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

DECAYS = (0.5, 1.0, 2.0)
SAMPLES, MODES = 100, 12_000
RATE, FEW, MANY = 0.6, 10, 30
OFF_LIMIT, OFF_THEORY, LEAST_GROWTH = 0.15, 0.1, 1.5


def cost(spectrum: Array, n: int) -> float:
    """Test error without ridge over the least, as the paper estimates it: n/(n - df2)."""
    share = spectrum / (spectrum + cut(spectrum, n))
    return float(n / (n - (share**2).sum()))


def simulated(spectrum: Array, n: int, rng: np.random.Generator, power: Array | None) -> float:
    """Test error of interpolated noise over that of the best ridge, of one sample.

    Args:
        spectrum: Eigenvalues, shape (modes,).
        n: Samples.
        rng: Draws samples and noise.
        power: Power of a target in each mode instead of noise, shape (modes,); the best ridge
            then is searched.
    """
    z = rng.normal(size=(n, len(spectrum)))
    kernel = (z * spectrum) @ z.T
    inverse = np.linalg.inv(kernel)
    if power is None:
        # Noise of variance 1, averaged: the best ridge is infinite, where the error is 1.
        weight = z.T @ inverse
        return float(1 + ((spectrum[:, None] * weight) ** 2).sum())
    wanted = np.sqrt(power) * rng.choice([-1.0, 1.0], len(power))
    values, basis = np.linalg.eigh(kernel)
    seen = basis.T @ (z @ wanted)
    ridges = np.append(0.0, np.geomspace(1e-6, 1e2, 25))
    weights = basis @ (seen / (values + ridges[:, None])).T
    test = ((wanted[:, None] - spectrum[:, None] * (z.T @ weights)) ** 2).sum(0)
    return float(test[0] / test.min())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Interpolate noise with kernels of several spectra; compare with the estimate."""
    worlds = 40 if rerun else 4
    rng = np.random.default_rng([seed, 2306])
    numbers = {}
    for a in DECAYS:
        progress(f"eigenvalues k^-{1 + a:g}: {worlds} samples of {SAMPLES}")
        spectrum = powers(MODES, 1 + a)
        power = powers(MODES, 2.0) if falsified else None
        found = np.array([simulated(spectrum, SAMPLES, rng, power) for _ in range(worlds)])
        told = cost(spectrum, SAMPLES)
        numbers[f"cost_{a:g}"] = over_worlds(
            found / (1 + a),
            mean,
            seed=seed,
            least=1 - OFF_LIMIT,
            most=1 + OFF_LIMIT,
            what=f"cost of interpolation over its limit 1 + a, a = {a:g}",
        )
        numbers[f"told_{a:g}"] = over_worlds(
            found / told,
            mean,
            seed=seed,
            least=1 - OFF_THEORY,
            most=1 + OFF_THEORY,
            what=f"the same over the estimate {told:.2f} from the eigenvalues",
        )
    steep = np.exp(-RATE * np.arange(150.0))
    few, many = (
        np.array([simulated(steep, n, rng, None) for _ in range(10 * worlds)]) for n in (FEW, MANY)
    )
    numbers["growth"] = over_worlds(
        np.log(many / few),
        seed=seed,
        least=np.log(LEAST_GROWTH),
        what=f"log of the cost at {MANY} samples over that at {FEW}, exponential spectrum",
    )
    return judge(numbers, f"simulation: {worlds} samples of {SAMPLES} points, {MODES} modes")


STUDY = Study(
    name="cost_of_overfitting",
    papers=("An Agnostic View on the Cost of Overfitting in (Kernel) Ridge Regression",),
    claim="On pure noise the test error of interpolation is a factor over the best ridge's that "
    "the eigenvalues tell: 1 + a for eigenvalues k^-(1 + a), growing without bound for "
    "exponential ones.",
    criteria=f"The factor is within {OFF_LIMIT:.0%} of 1 + a and within {OFF_THEORY:.0%} of the "
    f"estimate for a = 0.5, 1 and 2, and grows {LEAST_GROWTH} times or more from {FEW} to {MANY} "
    "samples on an exponential spectrum.",
    check=check,
    full="40 samples instead of 4",
    falsified="labels without noise, of a target that the kernel can learn",
    note="Pure noise, where the estimate is tight; for other targets it is an upper bound.",
)
