"""What a backtest's errors say of a forecast's interval, with no model of the errors.

Weighted conformal prediction of the held-out errors in units of their own intervals. Exchangeable
with the error of the forecast they are not: it starts from more runs and reaches farther. So there
is no guarantee here, only what the same forecaster's misses so far would have asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption, check_level
from forescale.forecast._cuts import Cut
from forescale.uncertainty.conformal import weighted_quantile

Array = NDArray[np.float64]

#: A held-out run weighs half as much for each such factor between how far beyond its cut it lay
#: and how far the forecast reaches, and for each such factor by which its cut started lower.
HALF_REACH, HALF_START = 4.0, 16.0


@dataclass(frozen=True)
class Scale:
    """By how much a forecast's interval must grow for the misses so far, at one distance.

    Args:
        value: Factor on both half-widths, may be below 1; infinite where it cannot be known.
        factor: How many times beyond the largest run.
        level: Level of the interval.
        runs: Held-out runs behind it, each counted once.
        cuts: Cuts that they were held out in.
        weight: What the runs weigh together; one that tells fully is 1.
    """

    value: float
    factor: float
    level: float
    runs: int
    cuts: int
    weight: float

    @property
    def known(self) -> bool:
        """Whether the runs weigh enough to tell."""
        return math.isfinite(self.value)

    @property
    def needed(self) -> float:
        """What the runs must weigh together: level / (1 - level)."""
        return self.level / (1 - self.level)

    def text(self) -> str:
        """One line, with what it is worth."""
        at, cuts = f"at {self.factor:.3g}x", _cuts(self.cuts)
        if not self.known:
            return (
                f"conformal factor {at} cannot be known from these runs: {self.runs} held out in "
                f"{cuts} weigh {self.weight:.1f} there, a {100 * self.level:.0f} % interval needs "
                f"{self.needed:.0f}"
            )
        return (
            f"conformal factor {self.value:.2g} {at} from {self.runs} runs held out in {cuts}; no "
            "guarantee, since larger runs are not exchangeable with smaller"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values; an infinite factor is null."""
        return {
            "value": self.value if self.known else None,
            "factor": self.factor,
            "level": self.level,
            "runs": self.runs,
            "cuts": self.cuts,
            "weight": self.weight,
            "needed": self.needed,
            "text": self.text(),
        }


def standardised(cut: Cut) -> Array:
    """Errors of a cut's held-out runs in half-widths of their intervals, shape (m,).

    1 is the end of the interval; the half-width is that on the side of the truth.
    """
    above = cut.truth >= cut.forecast
    half = np.where(above, cut.hi - cut.forecast, cut.forecast - cut.lo)
    return np.asarray(np.abs(cut.truth - cut.forecast) / np.maximum(half, 1e-300))


def conformal_scale(cuts: Sequence[Cut], factor: float, level: float) -> Scale:
    """The factor by which an interval `factor` times beyond the runs must grow to have held.

    The weighted conformal quantile of the held-out errors, each in half-widths of the interval
    that its forecast carried. Runs that lay about as far beyond their cut weigh most, and cuts
    that started from larger runs; a run held out in several cuts counts once. Errors at growing
    scale are not exchangeable and those of one cut share a fit, so this is no guarantee, and less
    of one the farther the forecast reaches beyond the cuts.

    Args:
        cuts: Of a backtest; their intervals are those before any widening.
        factor: How many times beyond the largest run, at least 1.
        level: Share of the forecasts to be inside. At another than that of the intervals, the
            factor also turns the one level into the other.

    Raises:
        BadOption: If factor or level cannot be used.

    Source: Barber, Candes, Ramdas & Tibshirani 2023, "Conformal Prediction Beyond
    Exchangeability".
    """
    if not (math.isfinite(factor) and factor >= 1):
        raise BadOption(f"factor {factor:g} is not beyond the runs", fix="1 or more, as in 10")
    check_level(level, "as in 0.9")
    if not cuts:
        return Scale(math.inf, factor, level, 0, 0, 0.0)
    rows = np.concatenate([c.rows for c in cuts])
    scores = np.concatenate([standardised(c) for c in cuts])
    top = max(float(c.scale.max()) for c in cuts)
    weights = once(rows, np.concatenate([_weights(c, top, factor) for c in cuts]))
    value = float(weighted_quantile(scores, weights, level=level))
    distinct = len(np.unique(rows))
    return Scale(value, factor, level, distinct, len(cuts), float(weights.sum()))


def at_cuts(cuts: Sequence[Cut], level: float) -> tuple[Scale, ...]:
    """The factor at the distance of each cut, from the shortest to the longest."""
    return tuple(conformal_scale(cuts, max(c.factor, 1.0), level) for c in cuts)


def said(scales: Sequence[Scale]) -> str:
    """One line on the factors of one backtest at several distances, and what they are worth."""
    known = [f"{s.value:.2g} at {s.factor:.3g}x" for s in scales if s.known]
    unknown = [s for s in scales if not s.known]
    one = scales[0]
    runs = f"{one.runs} run{'' if one.runs == 1 else 's'} held out in {_cuts(one.cuts)}"
    parts = []
    if known:
        parts.append(f"conformal factor {', '.join(known)}, from {runs}")
    if unknown:
        at = ", ".join(f"{s.factor:.3g}x" for s in unknown)
        head = f"at {at}" if known else f"conformal factor at {at}"
        parts.append(
            f"{head} it cannot be known from these runs"
            if known
            else f"{head} cannot be known from these runs: {runs}"
        )
    if known:
        parts.append("no guarantee, since larger runs are not exchangeable with smaller")
    return "; ".join(parts)


def _cuts(n: int) -> str:
    return f"{n} cut{'' if n == 1 else 's'}"


def _weights(cut: Cut, top: float, factor: float) -> Array:
    """Relevance of a cut's held-out runs, by logs of reach and of start, shape (m,)."""
    reach = np.abs(np.log(cut.scale / cut.limit / factor)) / math.log(HALF_REACH)
    start = abs(math.log(top / cut.limit)) / math.log(HALF_START)
    return np.asarray(0.5 ** (reach + start))


def once(rows: NDArray[np.int64], weights: Array) -> Array:
    """Weights of entries scaled so that those of one run sum to the largest among them."""
    _, run = np.unique(rows, return_inverse=True)
    total = np.bincount(run, weights)
    largest = np.zeros(len(total))
    np.maximum.at(largest, run, weights)
    return np.asarray(weights * np.where(total > 0, largest / np.maximum(total, 1e-300), 0)[run])
