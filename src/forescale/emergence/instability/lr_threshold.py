"""The law of the learning rate from which on networks diverge, read off runs that did and did not.

The rate is known between a run that held and one that did not; the law is a straight line in the
logs, fitted to both kinds at once, so that a size in which nothing diverged yet still counts.

Source: Wortsman et al. 2023, "Small-scale proxies for large-scale Transformer training
instabilities", for the question; the censored line is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from forescale.emergence._estimate import Estimate
from forescale.emergence.instability._boundary import boundary, checked
from forescale.errors import check_level
from forescale.quantities import format_number
from forescale.summarised import Summarised


@dataclass(frozen=True)
class LRThreshold(Summarised):
    """The learning rate at which half of the runs of a size diverge.

    Args:
        lr: That rate at the target size, median and central interval.
        slope: Exponent of the rate in size.
        scatter: Decades by which runs scatter about it.
        target: Size asked for, in the unit of the sizes.
        largest: Largest size that was run.
        runs: Runs.
        level: Level of the intervals.
    """

    lr: Estimate
    slope: Estimate
    scatter: float
    target: float
    largest: float
    runs: int
    level: float

    def __repr__(self) -> str:
        return (
            f"LRThreshold(lr {self.lr} at N {format_number(self.target, 3)}, exponent "
            f"{self.slope}; {format_number(self.target / self.largest, 2)}x the largest run)"
        )

    def summary(self) -> str:
        """The rate, its exponent and their intervals."""
        return (
            f"{self!r}\n{self.runs} runs scatter by {format_number(self.scatter, 2)} decades, "
            f"intervals are {self.level:.0%}"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        rest = {**vars(self), "lr": self.lr.to_dict(), "slope": self.slope.to_dict()}
        return {"schema": 1, "kind": "lr_threshold", **rest}


def lr_threshold(
    N: ArrayLike, lr: ArrayLike, diverged: ArrayLike, *, target: float, level: float = 0.9
) -> LRThreshold:
    """The rate at which runs of a size diverge, by a line through smaller sizes.

    Runs below and above the threshold are needed; those of too low a rate to learn anything held,
    as far as this law goes. The posterior is flat in the line's height and in exponents from -1.5
    to 1.5.

    Args:
        N: Size of each run, params or width, shape (n,).
        lr: Its peak learning rate, shape (n,).
        diverged: Whether it diverged, by the caller's word, shape (n,).
        target: Size asked for.
        level: Level of the intervals.

    Raises:
        BadTable: If shapes do not match, a number is not above 0, or all runs went one way.
        TooFewRuns: If there are fewer than two sizes.
        BadOption: If the level is no probability.
    """
    check_level(level)
    size, rate, failed = checked(N, lr, diverged, target)
    # At the middle size, height and slope hang together least.
    middle = float(size.mean())
    found = boundary(rate, failed, size - middle)
    at = found.at(float(np.log10(target)) - middle, level)
    return LRThreshold(
        lr=Estimate(10**at.value, 10**at.lo, 10**at.hi),
        slope=found.slope(level),
        scatter=found.scatter,
        target=float(target),
        largest=float(10 ** size.max()),
        runs=len(size),
        level=level,
    )
