"""Prediction sets for the mean, the median or the maximum of several new points at once.

Among n known and m new exchangeable points every order is equally likely, so how many known
points lie below each of the new ones has a law that no distribution changes.

Source: Lee, Tchetgen Tchetgen & Dobriban 2024, "Batch Predictive Inference".
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, check_level

Array = NDArray[np.float64]
Interval = tuple[float, float]
Shape = Literal["even", "normal"]

#: Slack of a comparison of probabilities that are sums of floats.
ROUNDING = 1e-12
#: Additions that counting may take, a few seconds; it also keeps the counts below overflow.
MOST_WORK = 2e9
NO_BOUNDS = (-math.inf, math.inf)


def nth_of(
    scores: ArrayLike, m: int, k: int, *, level: float, bounds: Interval = NO_BOUNDS
) -> Interval:
    """An interval that holds the k-th smallest of m new points with probability `level`.

    Args:
        scores: Known points, shape (n,), exchangeable with the new ones.
        m: New points.
        k: Which of them in rising order, from 1; m is the maximum.
        level: Probability; half of the rest is left to each side.
        bounds: Values that no point can be beyond, in the unit of the scores: the ends of the
            interval where the known points are too few.

    Raises:
        BadOption: If an argument cannot be used.
    """
    known = _known(scores, m, level, bounds)
    if not 1 <= k <= m:
        raise BadOption(f"of {m} points there is no {k}-th", fix=f"1 to {m}")
    return (
        float(known[:-1][_low(len(known) - 2, m, k, level)]),
        float(known[1:][_high(len(known) - 2, m, k, level)]),
    )


def median_of(scores: ArrayLike, m: int, *, level: float, bounds: Interval = NO_BOUNDS) -> Interval:
    """An interval that holds the median of m new points with probability `level`.

    For even m, whose median is the mean of the two in the middle, from the lower end of the
    smaller to the upper end of the larger: somewhat wide.

    Args:
        scores: Known points, shape (n,), exchangeable with the new ones.
        m: New points.
        level: Probability.
        bounds: As for `nth_of`.

    Raises:
        BadOption: If an argument cannot be used.
    """
    lower = nth_of(scores, m, (m + 1) // 2, level=level, bounds=bounds)
    upper = nth_of(scores, m, m // 2 + 1, level=level, bounds=bounds)
    return lower[0], upper[1]


def mean_of(
    scores: ArrayLike, m: int, *, level: float, bounds: Interval, shape: Shape = "even"
) -> Interval:
    """An interval that holds the mean of m new points with probability `level`.

    u_j known points lie below the j-th new one, which is then at most the known one above them.
    All placements u_1 <= ... <= u_m are equally likely, so counting tells the q that the sum of
    their steps rarely exceeds; of the placements that keep it, the one with the largest mean is
    the upper end. Both by dynamic programming over points placed and sum of steps.

    With probability m / (n + m) a new point is above all known ones. Without bounds no method
    that is right for every distribution has a finite interval unless that is small.

    Args:
        scores: Known points, shape (n,), exchangeable with the new ones.
        m: New points. Work grows as (n m)^2.
        level: Probability; half of the rest is left to each side.
        bounds: Values that no point can be beyond, in the unit of the scores.
        shape: Steps by rank, to be chosen before the points are seen: "even" counts ranks and
            suits points that fill their bounds; "normal" gives the outer ranks longer steps, and
            is narrower where the bounds lie far outside the points.

    Raises:
        BadOption: If an argument cannot be used, or there are too many points to count.
    """
    known = _known(scores, m, level, bounds)
    steps = _steps(len(known) - 2, shape)
    if (work := len(steps) * float(m) ** 2 * steps[-1]) > MOST_WORK:
        raise BadOption(
            f"{len(steps) - 1} known and {m} new points are too many to count ({work:.1g} steps)",
            fix="take a sample of the known points",
        )
    below = np.cumsum(_placements(steps, m))
    most = int(np.argmax(below >= (1 - 0.5 * (1 - level)) * below[-1] * (1 - ROUNDING)))
    # The steps are symmetric, so the lower end is the upper end of the mirrored points.
    high = _largest(known[1:], steps, m, most) / m
    low = -_largest(-known[:-1][::-1], steps, m, most) / m
    return low, high


def bonferroni(
    scores: ArrayLike, m: int, *, level: float, bounds: Interval = NO_BOUNDS
) -> Interval:
    """An interval that holds all of m new points, and so their mean, by Bonferroni's bound.

    Each point has its own split conformal interval at level 1 - (1 - level)/m.

    Args:
        scores: Known points, shape (n,), exchangeable with the new ones.
        m: New points.
        level: Probability that all are inside.
        bounds: As for `nth_of`.

    Raises:
        BadOption: If an argument cannot be used.
    """
    return nth_of(scores, 1, 1, level=1 - (1 - level) / max(m, 1), bounds=bounds)


def counts_below(n: int, m: int, k: int) -> Array:
    """Probability that u of n known points lie below the k-th smallest of m new ones, (n + 1,).

    The negative hypergeometric law: known points drawn before the k-th new one.
    """
    from scipy.stats import nhypergeom

    # Counted are the draws of n kinds before the k-th of m others.
    return np.asarray(nhypergeom.pmf(np.arange(n + 1), n + m, n, k), float)


def _low(n: int, m: int, k: int, level: float) -> int:
    """The most known points that lie below it but for half of what `level` leaves."""
    below = np.cumsum(counts_below(n, m, k))
    return int(np.sum(below <= 0.5 * (1 - level) + ROUNDING))


def _high(n: int, m: int, k: int, level: float) -> int:
    return n - _low(n, m, m + 1 - k, level)


def _steps(n: int, shape: Shape) -> NDArray[np.int64]:
    """Steps of a point with u known ones below it, from 0, rising and symmetric, shape (n + 1,)."""
    if shape == "even":
        return np.arange(n + 1, dtype=np.int64)
    if shape != "normal":
        raise BadOption(f"there is no shape '{shape}'", fix="even or normal")
    from scipy.special import ndtri

    half = ndtri((np.arange(n + 1) + 0.5) / (n + 1))
    # As many distinct sums as with even steps, so that counting costs about the same.
    return np.asarray(np.rint(0.5 * n * (half / half[-1] + 1)), np.int64)


def _placements(steps: NDArray[np.int64], m: int) -> Array:
    """In how many ways m steps, in rising order, sum to s, shape (m max(steps) + 1,).

    With even steps the sum is Mann and Whitney's statistic.
    """
    most = int(m * steps[-1])
    ways = np.zeros((m + 1, most + 1))
    ways[0, 0] = 1.0
    for step in steps:
        for placed in range(1, m + 1):
            ways[placed, step:] += ways[placed - 1, : most + 1 - step]
    return np.asarray(ways[m])


def _largest(values: Array, steps: NDArray[np.int64], m: int, most: int) -> float:
    """Largest sum of values[u_1] + ... + values[u_m] whose steps sum to at most `most`."""
    if values[-1] == np.inf and most >= steps[-1]:
        return math.inf
    best = np.full((m + 1, most + 1), -np.inf)
    best[0] = 0.0
    for step, value in zip(steps, values, strict=True):
        if step > most:
            break
        for placed in range(1, m + 1):
            np.maximum(
                best[placed, step:],
                best[placed - 1, : most + 1 - step] + value,
                out=best[placed, step:],
            )
    return float(best[m, most])


def _known(scores: ArrayLike, m: int, level: float, bounds: Interval) -> Array:
    """The known points in rising order between the bounds, shape (n + 2,)."""
    s = np.sort(np.asarray(scores, float))
    if s.ndim != 1 or not len(s) or not np.isfinite(s).all():
        raise BadOption("the known points are not a row of numbers")
    if m < 1:
        raise BadOption(f"{m} new points")
    check_level(level, "as in 0.9")
    low, high = bounds
    if not (low < high and low <= s[0] and s[-1] <= high):
        raise BadOption(f"bounds {low:g} to {high:g} do not hold the known points")
    return np.concatenate([[low], s, [high]])
