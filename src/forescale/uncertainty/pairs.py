"""Pairs bootstrap: runs drawn with replacement, the law refitted to each resample.

Source: Efron 1979, "Bootstrap Methods: Another Look at the Jackknife"; used for scaling laws
by Besiroglu et al. 2024.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.uncertainty._method import Array, Method, resampled


def draw(
    fit: Fit, resamples: int, seed: int, *, clusters: NDArray[np.intp], workers: int
) -> tuple[Array, tuple[str, ...]]:
    """Refits of runs drawn with replacement."""
    base = fit.problem.weights
    n = len(base)
    # Every group keeps its size, or a small group could vanish with its own parameters.
    groups = [np.flatnonzero(fit.problem.group == g) for g in range(len(fit.problem.columns))]

    def resample(rng: np.random.Generator, count: int) -> tuple[Array, None]:
        weights = np.empty((count, n))
        for rows in groups:
            m = len(rows)
            weights[:, rows] = rng.multinomial(m, np.full(m, 1.0 / m), size=count)
        return weights * base, None

    return resampled(fit, resample, resamples, seed, workers)


METHOD = Method(
    "pairs",
    "runs drawn with replacement; right when runs are independent and not few",
    "Efron 1979, Bootstrap Methods: Another Look at the Jackknife",
    draw,
)
