"""Bits of inductive bias from the losses of a few random hypotheses.

The bits are minus the logarithm of the share of a hypothesis space whose loss is a target's or
less. Where none of a few draws gets there the share is read off a distribution that is fitted to
their losses: a scaled non-central chi-squared, which a squared error with independent Gaussian
residuals has.

Source: Boopathy et al. 2024, "Towards Exact Computation of Inductive Bias".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption

#: Greatest shift that is told from a normal distribution: the number of terms grows with it.
MOST_SHIFT = 20_000.0


@dataclass(frozen=True)
class Losses:
    """How losses of random hypotheses are distributed: scale times non-central chi-squared.

    Args:
        freedom: Degrees of freedom, above 0.
        shift: Non-centrality, 0 or more.
        scale: In the unit of the losses.
    """

    freedom: float
    shift: float
    scale: float

    def bits(self, target: float) -> float:
        """Bits that pick a hypothesis with a loss of the target or less; far tails do not vanish.

        Args:
            target: A loss above 0.
        """
        from scipy.special import gammaln, logsumexp

        if not target > 0:
            return math.inf
        half = self.shift / 2
        # A Poisson mixture of central ones; in the lower tail the terms below the mean count.
        j = np.arange(int(half + 10 * math.sqrt(half)) + 10)
        weights = -half + (j * math.log(half) if half > 0 else np.where(j > 0, -np.inf, 0.0))
        shapes = np.asarray(self.freedom / 2 + j, float)
        tails = log_gamma_share(shapes, target / (2 * self.scale))
        return max(-float(logsumexp(weights - gammaln(j + 1) + tails)) / math.log(2), 0.0)


def log_gamma_share(shapes: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    """Log of the share of gamma variables below a value, also where the share underflows.

    Args:
        shapes: Of the variables, above 0, shape (n,).
        at: The value, in units of their scale.
    """
    from scipy.special import gammainc, gammaln

    shares = gammainc(shapes, at)
    with np.errstate(divide="ignore"):
        logs = np.log(shares)
    lost = shares < 1e-250
    if lost.any():
        # Far below the mean the series 1 + x/(a+1) + x^2/((a+1)(a+2)) + ... ends soon.
        a = shapes[lost]
        ratios = at / (a[:, None] + np.arange(1, 400))
        logs[lost] = a * math.log(at) - at - gammaln(a + 1) + np.log1p(ratios.cumprod(1).sum(1))
    return np.asarray(logs)


def fit_losses(losses: ArrayLike) -> Losses:
    """The distribution with the losses' first three moments, or two where three ask too much.

    With df degrees of freedom, shift nc and scale s, the mean is s (df + nc), the variance
    2 s^2 (df + 2 nc), the third central moment 8 s^3 (df + 3 nc): a quadratic in s.

    Args:
        losses: Of independent draws, above 0, shape (n,), three or more that are not all equal.

    Raises:
        BadOption: If they are fewer, not positive or all equal.
    """
    values = np.ravel(np.asarray(losses, float))
    if len(values) < 3 or not (np.isfinite(values).all() and (values > 0).all() and np.ptp(values)):
        raise BadOption(
            f"{len(values)} losses have no distribution to fit",
            where="losses",
            fix="give 3 or more that are finite, above 0 and not all equal",
        )
    mean, variance = float(values.mean()), float(values.var(ddof=1))
    third = float(((values - mean) ** 3).mean())
    inner = variance**2 - mean * third / 2
    scale = (variance - math.sqrt(inner)) / (2 * mean) if inner > 0 else 0.0
    if scale > 0:
        whole, half = mean / scale, variance / (2 * scale**2)
        freedom, shift = 2 * whole - half, half - whole
        if freedom > 0 and 0 <= shift <= MOST_SHIFT:
            return Losses(freedom, shift, scale)
    # More skewed than a central one is, or hardly skewed at all: the central one.
    scale = variance / (2 * mean)
    return Losses(mean / scale, 0.0, scale)


def sampled_bits(losses: ArrayLike, target: float) -> float:
    """Bits that pick, from the hypotheses drawn from, one with the target's loss or less.

    Args:
        losses: Of independent draws, shape (n,).
        target: The loss wanted, in the same unit.

    Raises:
        BadOption: If the losses have no distribution to fit.
    """
    return fit_losses(losses).bits(target)
