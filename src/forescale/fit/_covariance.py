"""The Jacobian sandwich: parameter covariance that survives unequal and clustered noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit.problem import Problem

Array = NDArray[np.float64]


def sandwich(problem: Problem, theta: Array, cluster: NDArray[np.intp] | None = None) -> Array:
    """Covariance of the fitting coordinates, shape (P, P).

    Args:
        problem: The fitted problem.
        theta: Its minimum, shape (P,).
        cluster: Cluster of each row, shape (n,): rows of a cluster err together.

    Source: Huber 1967 and White 1980 for the sandwich; the correction n/(n-P) as HC1;
    coordinates at a bound get no variance.
    """
    jacobian = problem.jacobian(theta)
    residuals = problem.residuals(theta[None, :])[0]
    _, slope, curve = problem.rho.all(residuals)
    n, p = jacobian.shape
    w = problem.weights
    held = (theta <= problem.lower) | (theta >= problem.upper) | problem.frozen
    free = np.flatnonzero(~held)
    j = np.where(np.isfinite(jacobian), jacobian, 0.0)[:, free]
    # The mean curvature stands for each run's own, which under Huber is only zero or one.
    mean = max(float((w * curve).sum() / w.sum()), 1e-3)
    bread = np.linalg.pinv((j * (w * mean)[:, None]).T @ j, rcond=1e-12, hermitian=True)
    score = j * (w * slope)[:, None]
    if cluster is not None:
        sums = np.zeros((int(cluster.max()) + 1, len(free)))
        np.add.at(sums, cluster, score)
        score = sums
    m = len(score)
    correction = m / max(m - 1, 1) * (n - 1) / max(n - len(free), 1)
    out = np.zeros((p, p))
    out[np.ix_(free, free)] = bread @ (score.T @ score) @ bread * correction
    return out
