"""The scale of the noise, estimated from residuals with the degrees of freedom counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forescale.fit._rho import Rho
from forescale.fit.objective import Objective

Array = NDArray[np.float64]

#: E[clip(z, -k, k)^2] of a standard normal at k = 1.345: Huber's proposal 2 is then unbiased.
_HUBER_BETA = 0.7101645
#: Residuals below this are rounding, not noise.
LEAST = 1e-9


def first(objective: Objective, residuals: Array, dof: int) -> Rho:
    """The loss shape with a noise scale from a start's residuals, shape (n,)."""
    if not objective.scale:
        return Rho(objective.shape, width=objective.width, sigma=_rms(residuals, dof))
    spread = 1.4826 * float(np.median(np.abs(residuals)))
    sigma = max(spread, 0.1 * _rms(residuals, dof), LEAST)
    rho = Rho(objective.shape, sigma=sigma, dof=objective.dof)
    if objective.shape == "huber":
        return replace(rho, width=objective.width * sigma)
    if objective.shape == "one_sided":
        return replace(rho, sigma=max(0.3 * sigma, LEAST), excess=max(2.0 * sigma, LEAST))
    return rho


def update(objective: Objective, rho: Rho, residuals: Array, weights: Array, dof: int) -> Rho:
    """The loss shape with its noise scale re-estimated at the current residuals."""
    share = max(dof, 1) / max(float((weights > 0).sum()), 1.0)
    total = float(weights.sum()) * share
    if objective.shape == "huber" and objective.scale:
        sigma = rho.sigma
        for _ in range(100):
            c = np.clip(residuals, -objective.width * sigma, objective.width * sigma)
            new = max(float(np.sqrt((weights * c * c).sum() / (total * _HUBER_BETA))), LEAST)
            if abs(new - sigma) < 1e-9 * sigma:
                break
            sigma = new
        return replace(rho, sigma=new, width=objective.width * new)
    if objective.shape == "student":
        sigma2 = rho.sigma**2
        for _ in range(100):
            u = (rho.dof + 1) / (rho.dof + residuals**2 / sigma2)
            new2 = max(float((weights * u * residuals**2).sum() / total), LEAST**2)
            if abs(new2 - sigma2) < 1e-9 * sigma2:
                break
            sigma2 = new2
        return replace(rho, sigma=float(np.sqrt(new2)))
    if objective.shape == "one_sided":
        return _one_sided(rho, residuals, weights)
    return replace(rho, sigma=_rms(residuals, dof, weights))


def _one_sided(rho: Rho, residuals: Array, weights: Array) -> Rho:
    """One EM step for the noise, the share of under-tuned runs and their mean excess."""
    from scipy.special import log_ndtr

    z, s, m = -residuals, rho.sigma, rho.excess
    mean = z - s * s / m
    a = mean / s
    log_cdf = log_ndtr(a)
    log_n = np.log(1 - rho.share) - 0.5 * (z / s) ** 2 - np.log(s) - 0.9189385332046727
    log_e = np.log(rho.share) - np.log(m) + 0.5 * (s / m) ** 2 - z / m + log_cdf
    q = np.exp(log_e - np.logaddexp(log_n, log_e))
    mills = np.exp(-0.5 * a * a - 0.9189385332046727 - log_cdf)
    e1 = mean + s * mills
    e2 = mean * e1 + s * s
    total = weights.sum()
    share = float(np.clip((weights * q).sum() / total, 0.02, 0.98))
    excess = float(max((weights * q * e1).sum() / max((weights * q).sum(), 1e-12), 10 * LEAST))
    second = (1 - q) * z * z + q * (z * z - 2 * z * e1 + e2)
    # Some of the noise is always measurement: a sigma of zero would fit single runs exactly.
    sigma = float(np.sqrt(max((weights * second).sum() / total, (0.02 * excess) ** 2, LEAST**2)))
    return replace(rho, sigma=sigma, share=share, excess=excess)


def _rms(residuals: Array, dof: int, weights: Array | None = None) -> float:
    w = np.ones_like(residuals) if weights is None else weights
    n = max(float((w > 0).sum()), 1.0)
    return max(float(np.sqrt((w * residuals**2).sum() / w.sum() * n / max(dof, 1))), LEAST)
