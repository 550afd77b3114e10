"""Log-logistic waiting times whose scale follows what is measured: an accelerated failure model.

log T = x b + sigma e with e logistic; runs that were still waiting count by their survival. A
ridge keeps many measurements of few runs in bounds.

Source: Kalbfleisch & Prentice 2002, "The Statistical Analysis of Failure Time Data", chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: Least sigma: runs whose times are told exactly would send it to zero.
LEAST = 0.05


@dataclass(frozen=True)
class Accelerated:
    """A fitted model.

    Args:
        beta: Effects on log T of the measurements in their standard deviations, shape (p,).
        constant: log T of the mean measurements.
        sigma: Scale of the logistic error.
        centre: Mean of each measurement, which also stands in where one is missing, shape (p,).
        spread: Standard deviation of each, 1 where there is none, shape (p,).
    """

    beta: Array
    constant: float
    sigma: float
    centre: Array
    spread: Array

    def index(self, x: Array) -> Array:
        """Median of log T, shape (n,), of measurements, shape (n, p)."""
        return np.asarray(standard(x, self.centre, self.spread) @ self.beta + self.constant)


def standard(x: Array, centre: Array, spread: Array) -> Array:
    """In standard deviations from the mean, at most four; 0 where a measurement is missing."""
    z = np.nan_to_num((x - centre) / spread, nan=0.0, posinf=4.0, neginf=-4.0)
    return np.asarray(np.clip(z, -4.0, 4.0))


def fit(
    x: Array, logs: Array, came: NDArray[np.bool_], weight: Array, *, ridge: float
) -> Accelerated:
    """The model of highest penalised likelihood.

    Args:
        x: Measurements, shape (n, p); NaN where one is missing.
        logs: log of the waiting time, or of the time waited in vain, shape (n,).
        came: Whether the event came, shape (n,).
        weight: Weight of each row, shape (n,).
        ridge: Penalty on half the squared effects, in rows of weight 1.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    seen = np.isfinite(x)
    share = weight[:, None] * seen
    total = np.maximum(share.sum(0), 1e-12)
    kept = np.where(seen, x, 0.0)
    centre = (share * kept).sum(0) / total
    spread = np.sqrt((share * np.where(seen, x - centre, 0.0) ** 2).sum(0) / total)
    spread = np.where(spread > 1e-9, spread, 1.0)
    z = standard(x, centre, spread)

    def cost(theta: Array) -> tuple[float, Array]:
        beta, constant, sigma = theta[:-2], theta[-2], LEAST + np.exp(theta[-1])
        e = (logs - z @ beta - constant) / sigma
        survived = np.logaddexp(0.0, e)
        density = np.logaddexp(0.0, -e) + survived + np.log(sigma)
        rise = expit(e)
        # Derivative of the cost by e: of an event 2 rise - 1, of a wait in vain the rise.
        by_e = weight * np.where(came, 2 * rise - 1, rise)
        by_sigma = -(by_e @ e) / sigma + (weight * came).sum() / sigma
        value = weight @ np.where(came, density, survived) + 0.5 * ridge * (beta @ beta)
        slopes = np.r_[
            -(z.T @ by_e) / sigma + ridge * beta,
            -by_e.sum() / sigma,
            by_sigma * np.exp(theta[-1]),
        ]
        return float(value), slopes

    start = np.zeros(z.shape[1] + 2)
    start[-2] = np.average(logs, weights=weight)
    found = minimize(cost, start, jac=True, method="L-BFGS-B").x
    return Accelerated(
        found[:-2], float(found[-2]), float(LEAST + np.exp(found[-1])), centre, spread
    )
