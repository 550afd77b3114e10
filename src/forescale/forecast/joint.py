"""Intervals of several forecasts at once, from draws that move together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, check_level

Array = NDArray[np.float64]
Interval = tuple[float, float]

#: Draws below which a band's ends are single draws.
LEAST = 100


@dataclass(frozen=True, eq=False)
class Joint:
    """A band that holds all of m points at once, and intervals of their mean and maximum.

    Args:
        lo, hi: Ends of the band, each of shape (m,), in the unit of the draws.
        mean: Interval of the mean of the m points.
        maximum: Interval of the largest of them.
        level: Probability of each of the three.
        pointwise: Level of the intervals that make the band, at least `level`.
    """

    lo: Array
    hi: Array
    mean: Interval
    maximum: Interval
    level: float
    pointwise: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "lo": self.lo.tolist(),
            "hi": self.hi.tolist(),
            "mean": list(self.mean),
            "maximum": list(self.maximum),
            "level": self.level,
            "pointwise": self.pointwise,
        }


def simultaneous(draws: ArrayLike, level: float) -> Joint:
    """The narrowest band of equal-tailed intervals that holds `level` of the draws whole.

    Points that move together need hardly more than one point's interval, independent ones about
    as much as Bonferroni's bound gives; the draws tell. As right as the draws are: a band of
    draws, unlike a conformal one, takes the distribution for granted.

    Args:
        draws: Draws of the m points, shape (K, m), as `predictive` gives.
        level: Probability that all m points are inside.

    Raises:
        BadOption: If there are fewer than 100 draws, a draw is no number, or level is none.

    Source: Montiel Olea & Plagborg-Moller 2019, "Simultaneous Confidence Bands: Theory,
    Implementation, and an Application to SVARs", the quantile-based band.
    """
    d = np.asarray(draws, float)
    if d.ndim != 2 or d.shape[1] < 1 or len(d) < LEAST:
        raise BadOption(
            f"draws of shape {d.shape}", fix=f"{LEAST} or more draws of one or more points"
        )
    if not np.isfinite(d).all():
        raise BadOption("a draw is not a finite number")
    check_level(level, "as in 0.9")
    k = len(d)
    # How near each draw comes to either end of the draws, at the point where it comes nearest;
    # equal draws share the depth that treats them best, so that a constant point costs nothing.
    ordered = np.sort(d, axis=0)
    depth = np.full(k, k)
    for point, column in zip(d.T, ordered.T, strict=True):
        from_below = np.searchsorted(column, point, side="right")
        from_above = k - np.searchsorted(column, point, side="left")
        depth = np.minimum(depth, np.minimum(from_below, from_above))
    cut = int(np.sort(depth)[::-1][int(np.ceil(level * k)) - 1])
    tail = 0.5 * (1 - level)

    def interval(values: Array) -> Interval:
        lo, hi = np.quantile(values, [tail, 1 - tail])
        return float(lo), float(hi)

    return Joint(
        lo=ordered[cut - 1],
        hi=ordered[k - cut],
        mean=interval(d.mean(1)),
        maximum=interval(d.max(1)),
        level=level,
        pointwise=1 - 2 * (cut - 1) / k,
    )
