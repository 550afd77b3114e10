"""Bayesian bootstrap: every run keeps a random exponential weight.

No run ever vanishes, so that small tables do not lose the one run that tells a parameter.

Source: Rubin 1981, "The Bayesian Bootstrap".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.uncertainty._method import Array, Method, resampled


def draw(
    fit: Fit, resamples: int, seed: int, *, clusters: NDArray[np.intp], workers: int
) -> tuple[Array, tuple[str, ...]]:
    """Refits under exponential weights, one per cluster of rows."""
    base = fit.problem.weights
    m = int(clusters.max()) + 1

    def resample(rng: np.random.Generator, count: int) -> tuple[Array, None]:
        drawn = rng.exponential(size=(count, m))
        drawn *= m / drawn.sum(1, keepdims=True)
        return drawn[:, clusters] * base, None

    return resampled(fit, resample, resamples, seed, workers)


METHOD = Method(
    "bayesian",
    "random weights on the runs; no run ever vanishes, so it suits small tables",
    "Rubin 1981, The Bayesian Bootstrap",
    draw,
    clusters=True,
)
