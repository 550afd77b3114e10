"""Normal draws from the Jacobian sandwich: no refits, a millisecond.

Source: Huber 1967; White 1980, "A Heteroskedasticity-Consistent Covariance Matrix Estimator".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.fit._covariance import sandwich
from forescale.uncertainty._method import Array, Method


def draw(
    fit: Fit, resamples: int, seed: int, *, clusters: NDArray[np.intp], workers: int
) -> tuple[Array, tuple[str, ...]]:
    """Normal draws in fitting coordinates, where a law is nearly linear."""
    n = len(fit.problem.y)
    m = int(clusters.max()) + 1
    grouped = m < n
    covariance = sandwich(fit.problem, fit.theta, clusters) if grouped else fit.covariance
    value, vector = np.linalg.eigh(covariance)
    root = vector * np.sqrt(np.maximum(value, 0.0))
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    # Clusters are what is independent: their number, not the rows', tells the scale.
    dof = max((m - 1) if grouped else n - fit.problem.size, 1)
    scale = np.sqrt(dof / rng.chisquare(dof, size=(resamples, 1)))
    # A Student-t with few degrees of freedom has draws that no law survives; 10 sigma do.
    z = rng.standard_normal((resamples, len(value))) * np.minimum(scale, 10.0)
    theta = fit.theta + z @ root.T
    return np.clip(theta, fit.problem.lower, fit.problem.upper), ()


METHOD = Method(
    "sandwich",
    "normal draws from the Jacobian sandwich; quick, right when parameters are well told",
    "Huber 1967; White 1980, A Heteroskedasticity-Consistent Covariance Matrix Estimator",
    draw,
    clusters=True,
)
