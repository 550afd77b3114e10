"""Progress against scale: how much more of it one method needs, and where two curves cross."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.laws import Law
from forescale.maths.lowest import lowest
from forescale.quantities import flops_6nd, format_number
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: Decades searched beyond the runs for the place where one method is where the other was.
REACH = 6.0
#: Points of the grid of scales per decade.
FINE = 16
#: Sizes tried at each budget, over this many decades to either side of the usual one.
SIZES, SIDE = 73, 3.0
#: Elements evaluated together.
BLOCK = 2_000_000


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; an end that is infinite was not found."""

    value: float
    lo: float
    hi: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"value": self.value, "interval": [self.lo, self.hi]}

    def text(self, unit: str = "") -> str:
        """Such as "1.32x [1.1x, 1.6x]"."""
        shown = [_shown(v, unit) for v in (self.value, self.lo, self.hi)]
        return f"{shown[0]} [{shown[1]}, {shown[2]}]"


def _shown(value: float, unit: str) -> str:
    if not np.isfinite(value):
        return "beyond reach" if value > 0 else "none"
    return f"{format_number(value, 3)}{unit}"


@dataclass(frozen=True)
class Crossover:
    """Where the two methods change places.

    Args:
        at: The scale, with its interval, or None where the fitted laws do not cross.
        none_before: No crossing before this scale, the lower end that an interval at the level
            asked would have; None where there is a crossing.
        horizon: Largest scale that was searched.
        to: Who leads beyond it; who leads throughout where there is no crossing.
    """

    at: Estimate | None
    none_before: float | None
    horizon: float
    to: str

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "value": None if self.at is None else self.at.value,
            "interval": None if self.at is None else [self.at.lo, self.at.hi],
            "none_before": self.none_before,
            "searched_to": self.horizon,
            "leader_beyond": self.to,
        }

    def text(self, scale: str, largest: float) -> str:
        """Such as "no crossing before C = 1e21"; `largest` is the scale of the largest run."""
        if self.at is None:
            before = self.none_before
            return (
                f"no crossing before {scale} = {format_number(before, 3)}"
                if before is not None
                else f"the laws do not cross up to {scale} = {format_number(self.horizon, 3)}, but "
                "the runs cannot exclude it"
            )
        lo = format_number(self.at.lo, 3) if self.at.lo > 0 else "below the runs"
        hi = format_number(self.at.hi, 3)
        if not np.isfinite(self.at.hi):
            hi = f"beyond {format_number(self.horizon, 3)}"
        far = ", by extrapolation" if self.at.value > largest else ""
        return (
            f"they cross at {scale} = {format_number(self.at.value, 3)} [{lo}, {hi}]{far}; "
            f"{self.to} leads beyond"
        )


class Ladder:
    """A grid of scales, and the best each law does on each of its rungs.

    Args:
        law: A law in one scale, or in N and D, of which compute is then the scale: each method
            spends it at its own best size.
        runs: Runs of all methods; they place the grid.
        target: Scale asked for; the grid reaches beyond it.
    """

    def __init__(self, law: Law, runs: RunTable, target: float | None) -> None:
        self.law = law
        self.frontier = set(law.inputs) == {"N", "D"}
        self.name = self.name_of(law)
        self.of_runs = self.scale(runs)
        if self.frontier:
            self._ratio = float(np.exp(np.mean(np.log(runs["D"] / runs["N"]))))
        low, high = float(self.of_runs.min()), float(self.of_runs.max())
        ends = np.log10([low, max(high, target or high)])
        count = int((ends[1] - ends[0] + 2 * REACH) * FINE) + 1
        self.x = np.linspace(ends[0] - REACH, ends[1] + REACH, count)
        self.range = (low, high)

    @staticmethod
    def name_of(law: Law) -> str:
        """Name of the scale along which methods under a law are compared.

        Raises:
            BadOption: If the law has no one scale.
        """
        if set(law.inputs) == {"N", "D"}:
            return "C"
        if len(law.inputs) == 1:
            return law.inputs[0]
        raise BadOption(
            f"law '{law.name}' is a law in {', '.join(law.inputs)}; methods are compared along "
            "one scale, or along C = 6 N D",
            where="--law",
            fix="use a law in one of them, or in N and D such as chinchilla",
        )

    def scale(self, runs: RunTable) -> Array:
        """Scale of each run, shape (n,)."""
        if not self.frontier:
            return np.asarray(runs[self.name], float)
        # The law knows N and D only, whatever else a column of compute has counted.
        return np.asarray(flops_6nd(runs["N"], runs["D"]), float)

    def values(self, theta: Array, x: Array | None = None) -> Array:
        """What the law says at scales 10^x, shape (K, G), for parameters (K, p).

        Of a law in N and D, the lowest loss at each budget. By default x is the grid.
        """
        c = 10.0 ** (self.x if x is None else x)
        if not self.frontier:
            return self.law.predict({self.name: c}, theta)
        usual = np.sqrt(c / (6.0 * self._ratio))
        sides = np.linspace(-SIDE, SIDE, SIZES)
        n = usual[:, None] * 10.0**sides
        at = {"N": n.ravel(), "D": (c[:, None] / (6.0 * n)).ravel()}
        step = max(1, BLOCK // n.size)
        out = np.empty((len(theta), len(c)))
        for i in range(0, len(theta), step):
            loss = self.law.predict(at, theta[i : i + step]).reshape(-1, SIZES)
            _, low = lowest(sides, loss)
            # A law that spends all on one of the two has its best at the end of the search.
            best = np.where(np.isnan(low), loss.min(axis=1), low)
            out[i : i + step] = best.reshape(-1, len(c))
        return out


def sense(values: Array) -> float:
    """-1 where values fall with scale, as losses do, 1 where they rise; values of shape (G,)."""
    return -1.0 if values[-1] < values[0] else 1.0


def multiplier(x: Array, base: Array, at: Array, other: Array) -> Array:
    """Log10 of the factor of scale that the baseline needs to be where the other is.

    Args:
        x: Log10 of the grid of scales, shape (G,).
        base: Progress of the baseline there, rising where scale helps, shape (K, G).
        at: Log10 of the scales asked for, shape (m,).
        other: Progress of the other method at these, shape (K, m).

    Returns:
        Shape (K, m); infinite where the baseline gets there nowhere on the grid.
    """
    # Where more scale hurts, the least scale that gets there counts.
    risen = np.maximum.accumulate(np.nan_to_num(base, nan=-np.inf), axis=1)
    out = np.empty_like(other)
    for k in range(len(base)):
        out[k] = np.interp(other[k], risen[k], x, left=-np.inf, right=np.inf) - at
    return out


def quantiles(draws: Array, level: float) -> tuple[float, float]:
    """Ends of the central interval; infinite draws are ordinary, far ones."""
    known = draws[~np.isnan(draws)]
    tail = 0.5 * (1.0 - level)
    lo, hi = np.quantile(known, [tail, 1.0 - tail], method="inverted_cdf")
    return float(lo), float(hi)


def crossover(
    x: Array,
    gap: Array,
    draws: Array,
    *,
    window: tuple[float, float],
    level: float,
    names: tuple[str, str],
) -> Crossover:
    """Where the gap between two methods changes its sign.

    Args:
        x: Log10 of scale, shape (G,).
        gap: Progress of the second method minus the first's, shape (G,).
        draws: The same of the parameter draws, shape (K, G).
        window: Scales between which crossings are looked for.
        level: Level of the interval.
        names: The first method and the second.
    """
    inside = (x >= np.log10(window[0]) - 1e-9) & (x <= np.log10(window[1]) + 1e-9)
    x, gap, draws = x[inside], gap[inside], draws[:, inside]
    own = _zeros(x, gap)
    lead: Callable[[float], str] = lambda g: names[1] if g > 0 else names[0]  # noqa: E731
    horizon = float(10.0 ** x[-1])
    if not len(own):
        first = np.array([z[0] if len(z := _zeros(x, d)) else np.inf for d in draws])
        # A draw whose leader is another one throughout crossed before the first run.
        first = np.where(np.isinf(first) & (draws[:, -1] * gap[-1] < 0), -np.inf, first)
        # The lower end that the interval of a crossing would have.
        before = float(np.quantile(first, 0.5 * (1.0 - level), method="inverted_cdf"))
        end = min(before, x[-1])
        known = float(10.0**end) if end > x[0] else None
        return Crossover(None, known, horizon, lead(gap[-1]))
    # Of several crossings the last one says who wins in the end.
    at = float(own[-1])
    found = np.array([_near(_zeros(x, d), at, d, gap) for d in draws])
    lo, hi = quantiles(found, level)
    return Crossover(
        Estimate(10.0**at, 10.0**lo, 10.0**hi if np.isfinite(hi) else np.inf),
        None,
        horizon,
        lead(gap[-1]),
    )


def _near(zeros: Array, at: float, draw: Array, gap: Array) -> float:
    """The crossing nearest to `at`; without one, infinitely far on the side that it went."""
    if len(zeros):
        return float(zeros[np.argmin(np.abs(zeros - at))])
    return float(np.inf if draw[0] * gap[-1] < 0 else -np.inf)


def _zeros(x: Array, y: Array) -> Array:
    """Where y changes its sign, by linear interpolation."""
    with np.errstate(all="ignore"):
        i = np.flatnonzero((y[:-1] * y[1:] < 0) | ((y[1:] == 0) & (y[:-1] != 0)))
        return np.asarray(x[i] + (x[i + 1] - x[i]) * y[i] / (y[i] - y[i + 1]))


def rungs(ends: Sequence[float], target: float) -> Array:
    """Scales at which a multiplier is shown: from the smallest run to the farthest, shape (m,)."""
    low, high = ends[0], max(ends[1], target)
    return np.unique(np.append(np.geomspace(low, high, 7), target))
