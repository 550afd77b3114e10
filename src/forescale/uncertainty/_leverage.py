"""Residuals as noise: each freed of what the fit took from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit

Array = NDArray[np.float64]


def freed(fit: Fit) -> tuple[Array, int]:
    """Residuals divided by sqrt(1 - leverage), and the degrees of freedom left.

    A weight is a precision: noise comes in units of its root, for the rows of weight above
    zero only, shape (m,). Rows of weight zero teach no noise.

    Source: Davison & Hinkley 1997, "Bootstrap Methods and their Application", section 6.2.
    """
    problem = fit.problem
    counts = problem.weights > 0
    root = np.sqrt(problem.weights[counts])
    r = fit.residuals[counts] * root
    free = ~(fit.at_bound | problem.frozen)
    jacobian = problem.jacobian(fit.theta)[counts][:, free] * root[:, None]
    size = np.linalg.norm(jacobian, axis=0) + 1e-300
    q, upper = np.linalg.qr(jacobian / size)
    told = np.abs(np.diag(upper)) > 1e-9
    leverage = np.minimum((q[:, told] ** 2).sum(1), 0.95)
    dof = max(len(r) - int(told.sum()), 1)
    noise = r / np.sqrt(1.0 - leverage)
    return noise - noise.mean(), dof
