"""Four regimes of a random-feature student: variance or resolution limits, in data or width.

A kernel of eigenvalues k^-(1 + alpha) and a teacher of powers k^-(1 + teacher), by default
alike, as for a teacher drawn from the kernel. The student regresses `D`
samples on `m` random features without ridge. Where one of the two is unlimited, the loss falls
as the other to the power -alpha (resolution). Where one is fixed, the distance to the loss at
an unlimited other falls as its inverse (variance).

Source: Bahri et al. 2021, "Explaining Neural Scaling Laws".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.lab.worlds._eigenframework import risk
from forescale.lab.worlds._equivalents import powers
from forescale.runs import RunTable

Array = NDArray[np.float64]

SIZES = np.unique(np.geomspace(24, 128, 12).round())
#: In the variance-limited regimes the other resource is FIXED and the first is MANY.
FIXED = 12
MANY = np.unique(np.geomspace(400, 2400, 6).round())
#: The variance-limited exponent is 1 for any kernel, so its modes may be few.
FEW = 60
DRAWS, TEACHERS = 4, 8


def teachers(power: Array, rng: np.random.Generator) -> Array:
    """Teachers of the given powers and random signs, shape (modes, TEACHERS)."""
    return np.asarray(np.sqrt(power)[:, None] * rng.choice([-1.0, 1.0], (len(power), TEACHERS)))


def data_resolution(spectrum: Array, power: Array, n: int, rng: np.random.Generator) -> float:
    """Loss of the kernel itself on n samples."""
    wanted = teachers(power, rng)
    z = rng.normal(size=(n, len(spectrum)))
    return _loss(z, (z * spectrum).T, wanted)


def width_resolution(spectrum: Array, power: Array, m: int, rng: np.random.Generator) -> float:
    """Loss of the best student on m features, at unlimited data."""
    wanted = teachers(power, rng)
    features = rng.normal(size=(m, len(spectrum))) * np.sqrt(spectrum)
    reached = np.linalg.solve(features @ features.T, features @ wanted)
    return float(((wanted - features.T @ reached) ** 2).sum(0).mean())


def data_variance(spectrum: Array, power: Array, n: int, rng: np.random.Generator) -> float:
    """Excess over the loss at unlimited data of n samples on FIXED features."""
    wanted = teachers(power, rng)
    features = rng.normal(size=(FIXED, len(spectrum))) * np.sqrt(spectrum)
    gram = features @ features.T
    rest = wanted - features.T @ np.linalg.solve(gram, features @ wanted)
    z = rng.normal(size=(n, len(spectrum)))
    x = z @ features.T
    # What the best student leaves acts as label noise, to which the student then fits.
    error = np.linalg.solve(x.T @ x, x.T @ (z @ rest))
    return float((error * (gram @ error)).sum(0).mean())


def width_variance(spectrum: Array, power: Array, m: int, rng: np.random.Generator) -> float:
    """Excess over the loss of the kernel itself of m features on FIXED samples.

    One draw of features shifts the loss by order 1/sqrt(m) either way, of which order 1/m is
    left in the mean. The part linear in the features' covariance has mean zero: it is taken
    off, as a difference quotient.
    """
    wanted = teachers(power, rng)
    z = rng.normal(size=(FIXED, len(spectrum)))
    features = rng.normal(size=(m, len(spectrum))) * np.sqrt(spectrum)
    limit = (z * spectrum).T
    shift = features.T @ (features @ z.T) / m - limit
    step = 1e-3
    linear = _loss(z, limit + step * shift, wanted) - _loss(z, limit - step * shift, wanted)
    return _loss(z, limit + shift, wanted) - _loss(z, limit, wanted) - linear / (2 * step)


def _loss(z: Array, cross: Array, wanted: Array) -> float:
    """Loss of interpolation: samples z (n, modes), kernel of modes and samples (modes, n)."""
    found = cross @ np.linalg.solve(z @ cross, z @ wanted)
    return float(((wanted - found) ** 2).sum(0).mean())


#: Regime to its simulation, and whether the size that varies is data.
REGIMES = {
    "resolution_data": (data_resolution, True),
    "resolution_width": (width_resolution, False),
    "variance_data": (data_variance, True),
    "variance_width": (width_variance, False),
}


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Losses (resolution) or distances to the limit (variance), a new draw in each row."""
    rng = np.random.default_rng([seed, 2102])
    spectrum, power = task(**settings)
    regimes, rows = [], []
    for regime, (run, is_data) in REGIMES.items():
        resolution = regime.startswith("resolution")
        other = np.inf if resolution else FIXED
        for size in SIZES if resolution else MANY:
            # Large samples vary less; the excess varies alike at all sizes.
            draws = max(3, round(3 * DRAWS * SIZES[0] / size)) if resolution else 7 * DRAWS
            few = slice(None if resolution else FEW)
            loss = np.mean([run(spectrum[few], power[few], int(size), rng) for _ in range(draws)])
            regimes.append(regime)
            rows.append((size, other, loss) if is_data else (other, size, loss))
    data, widths, losses = np.array(rows, float).T
    columns = {"regime": np.array(regimes, object), "D": data, "m": widths, "L": losses}
    return RunTable(columns, source="world 'explain_scaling'")


def task(**settings: float) -> tuple[Array, Array]:
    """Eigenvalue of each mode and power of the teacher in it, each of shape (modes,)."""
    modes = int(settings["modes"])
    return powers(modes, 1 + settings["alpha"]), powers(modes, 1 + settings["teacher"])


def theory(runs: RunTable, **settings: float) -> Array:
    """Mean loss by the task's eigenvalues; in the variance regimes, less its limit."""
    spectrum, power = task(**settings)
    out = np.empty(len(runs))
    for i, (regime, n, m) in enumerate(zip(runs["regime"], runs["D"], runs["m"], strict=True)):
        if regime.startswith("resolution"):
            out[i] = risk(spectrum, power, width=m, data=n).test
            continue
        few = spectrum[:FEW], power[:FEW]
        data_limit = regime == "variance_data"
        limit = risk(*few, width=m) if data_limit else risk(*few, data=n)
        out[i] = risk(*few, width=m, data=n).test - limit.test
    return out


def exponents(**settings: float) -> Mapping[str, float]:
    """That of resolution in data: the spectrum's where the teacher is drawn from the kernel."""
    return {"beta": min(settings["teacher"], 2 + 2 * settings["alpha"])}


WORLD = World(
    name="explain_scaling",
    what="Random-feature student and teacher of a power-law kernel, without ridge: loss where "
    "resolution limits, distance to the limit where variance does, in data and in width.",
    source="Bahri et al. 2021, Explaining Neural Scaling Laws",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="A*D^-beta",
    exponents=exponents,
    where="regime=resolution_data",
    settings={"alpha": 1.5, "teacher": 1.5, "modes": 1200},
    tolerance=0.08,
)
