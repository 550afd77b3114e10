"""The loss shapes: value, slope and curvature of rho(r), elementwise over any array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Rho:
    """A loss shape with its scale filled in.

    Args:
        shape: As in `Objective`.
        width: Huber threshold, in units of the residual.
        sigma: Noise scale, in units of the residual.
        dof: Degrees of freedom of Student's t.
        share: Share of runs with an excess ("one_sided").
        excess: Mean of the excess ("one_sided"), in units of the residual.
    """

    shape: str
    width: float = 1.0
    sigma: float = 1.0
    dof: float = 4.0
    share: float = 0.5
    excess: float = 0.05

    def value(self, r: Array) -> Array:
        """rho(r)."""
        match self.shape:
            case "square":
                return 0.5 * r * r
            case "huber":
                # With c = clip(r): c (r - c/2) is both branches without a mask.
                c = np.clip(r, -self.width, self.width)
                return c * (r - 0.5 * c)
            case "student":
                s2 = self.dof * self.sigma**2
                return 0.5 * (self.dof + 1.0) * self.sigma**2 * np.log1p(r * r / s2)
            case _:
                return self._one_sided(r)[0]

    def all(self, r: Array) -> tuple[Array, Array, Array]:
        """rho(r), rho'(r), rho''(r)."""
        match self.shape:
            case "square":
                return 0.5 * r * r, r, np.ones_like(r)
            case "huber":
                c = np.clip(r, -self.width, self.width)
                return c * (r - 0.5 * c), c, (c == r).astype(float)
            case "student":
                s2 = self.dof * self.sigma**2
                q = 1.0 / (1.0 + r * r / s2)
                a = (self.dof + 1.0) / self.dof
                return self.value(r), a * r * q, a * q * (2.0 * q - 1.0)
            case _:
                return self._one_sided(r)

    def _one_sided(self, r: Array) -> tuple[Array, Array, Array]:
        """Negative log density of noise - excess, times sigma^2, and its derivatives.

        The observed loss is raised, so r = log(predicted/observed) = -(noise + excess).
        """
        from scipy.special import log_ndtr

        s, m = self.sigma, self.excess
        z = -r
        log_n = np.log(1 - self.share) - 0.5 * (z / s) ** 2 - np.log(s) - 0.9189385332046727
        a = z / s - s / m
        log_cdf = log_ndtr(a)
        log_e = np.log(self.share) - np.log(m) + 0.5 * (s / m) ** 2 - z / m + log_cdf
        top = np.logaddexp(log_n, log_e)
        pn, pe = np.exp(log_n - top), np.exp(log_e - top)
        mills = np.exp(-0.5 * a * a - 0.9189385332046727 - log_cdf)
        dn, de = -z / s**2, -1.0 / m + mills / s
        d2n, d2e = -1.0 / s**2, -mills * (a + mills) / s**2
        mean = pn * dn + pe * de
        second = pn * (d2n + dn * dn) + pe * (d2e + de * de) - mean * mean
        # Times sigma^2, so that near its mode the loss has the curvature of r^2/2.
        k: Any = s * s
        return -top * k, mean * k, -second * k
