"""How often and how soon seeds succeed, with intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from forescale.maths.binomial import share_interval

Interval = tuple[float, float]


@dataclass(frozen=True)
class Successes:
    """How often and how soon runs that differ by their seed succeed.

    Args:
        hits: Runs that succeeded.
        trials: Runs.
        rate: Share that succeeded.
        rate_interval: Its interval.
        time: Mean time to success of those that did, in the unit of the times; NaN if none did.
        time_interval: Its interval; (0, inf) where fewer than two succeeded.
        level: Level of the intervals.
    """

    hits: int
    trials: int
    rate: float
    rate_interval: Interval
    time: float
    time_interval: Interval
    level: float


def successes(times: ArrayLike, *, level: float = 0.95) -> Successes:
    """How often and how soon runs succeed, from when each did.

    The mean of a loss over seeds says nothing where some runs solve a task and others do not:
    it is that of the worst. A share has a Clopper-Pearson interval, a positive time that of a
    gamma distribution's mean.

    Args:
        times: Time to success of each run, above 0; NaN or infinite where it never came.
        level: Level of the intervals.

    Raises:
        ValueError: If there are no runs, or a time is not positive.

    Source: Madsen & Johansen 2019, "Measuring Arithmetic Extrapolation Performance".
    """
    t = np.ravel(np.asarray(times, float))
    found = t[np.isfinite(t)]
    if not len(t) or (found <= 0).any():
        raise ValueError("times to success must be positive, of one run or more")
    k, n = len(found), len(t)
    return Successes(
        hits=k,
        trials=n,
        rate=k / n,
        rate_interval=share_interval(k, n, level=level),
        time=float(found.mean()) if k else math.nan,
        time_interval=gamma_mean_interval(found, level=level) if k > 1 else (0.0, math.inf),
        level=level,
    )


def gamma_mean_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Profile-likelihood interval of the mean of a gamma distribution of unknown shape.

    Args:
        values: Independent draws, two or more, all above 0.
        level: Level of the interval.
    """
    # Not scipy.stats, whose import takes a second.
    from scipy.optimize import brentq
    from scipy.special import gammaincinv, gammaln, psi

    x = np.ravel(np.asarray(values, float))
    mean, log = float(x.mean()), float(np.log(x).mean())
    if np.ptp(x) <= 1e-12 * mean:
        return mean, mean

    def likelihood(at: float) -> float:
        # The best shape k for a mean solves log k - psi(k) = gap, which falls in k.
        gap = math.log(at) - 1 - log + mean / at
        # 1/(2k) < log k - psi(k) < 1/k brackets it.
        k = float(brentq(lambda k: math.log(k) - psi(k) - gap, 0.49 / gap, 1.01 / gap))
        return len(x) * float(k * math.log(k / at) - gammaln(k) + (k - 1) * log - k * mean / at)

    # Half the chi-squared quantile of one degree of freedom.
    lost = likelihood(mean) - float(gammaincinv(0.5, level))

    def end(factor: float) -> float:
        far = mean * factor
        while likelihood(far) > lost:
            far *= factor
        return float(brentq(lambda at: likelihood(at) - lost, far, mean))

    return end(0.5), end(2.0)
