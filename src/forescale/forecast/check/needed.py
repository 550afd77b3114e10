"""What a narrower forecast would take: more runs, more groups, smaller runs or larger ones.

The width meant is of what runs at the place measure on average. The noise of a single run comes
on top whatever is done, and is told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import ForescaleError
from forescale.fit import Fit
from forescale.forecast import Forecast, Point
from forescale.forecast._predictive import change_beyond
from forescale.forecast._scale import scale_of
from forescale.forecast.check.design import Design, copied, design, span, stretched
from forescale.forecast.check.shared import Shared
from forescale.forecast.check.worlds import Noise
from forescale.quantities import format_number

Array = NDArray[np.float64]

#: More than this is no advice: times as many runs, and times the range of scale.
MOST_RUNS, MOST_SPREAD = 1000, 1e4
#: Rows of a design that is thought of, and of one that is simulated.
ROWS, SIMULATED_ROWS = 200_000, 20_000
#: Tables simulated on a design that was found.
TABLES = 200
#: Steps of the search along one way.
STEPS = 13

_PARAMETERS, _TOGETHER, _FORM = "parameters", "shared errors", "choice of law"
_BEYOND = "drift and misfit beyond the runs"


@dataclass(frozen=True)
class Way:
    """One way to a narrower forecast.

    Args:
        name: "runs", "groups", "smaller" or "larger".
        what: The same in words.
        factor: How many times more runs, or by which factor the range of scale grows; None
            where this way does not lead there.
        runs: Runs of that design.
        cost: Its compute (or what scale is), in units of the present runs'.
        width_pct: Width of the average then, in per cent; where the way does not lead there,
            the least that it leads to.
        verified_pct: The same from tables simulated on that design and refitted; None where
            that was not done.
    """

    name: str
    what: str
    factor: float | None
    runs: int
    cost: float
    width_pct: float
    verified_pct: float | None

    def to_dict(self) -> dict[str, Any]:
        """The way as plain values."""
        return dict(vars(self))


@dataclass(frozen=True)
class Needed:
    """What it takes to forecast the average run at a place to a wanted width.

    Args:
        inputs: The place.
        wanted_pct: Width wanted, in per cent of the forecast.
        now_pct: Width now, with shared errors where the residuals ask for them.
        run_pct: Width over which a single run scatters around that average.
        parts: Share of the present variance by source.
        floor_pct: Width that endless runs at the same places would leave.
        ways: Each way, whether it leads there or not.
    """

    inputs: dict[str, float]
    wanted_pct: float
    now_pct: float
    run_pct: float
    parts: dict[str, float]
    floor_pct: float
    ways: tuple[Way, ...]

    @property
    def verdict(self) -> str:
        """One line: what leads there, or what stands in the way."""
        goal = f"{self.wanted_pct:.2g} %"
        if self.now_pct <= self.wanted_pct:
            return f"the average run there is told to {self.now_pct:.2g} %, within {goal} already"
        said = [f"the average run there is told to {self.now_pct:.2g} % now"]
        runs = self.ways[0]
        if runs.factor is None:
            left = [k for k in self.parts if k != _PARAMETERS]
            why = (
                f"{' and '.join(sorted(left, key=lambda k: -self.parts[k])[:2])} leave "
                f"{self.floor_pct:.2g} %"
                if self.floor_pct > self.wanted_pct
                else f"even {MOST_RUNS}x as many leave {runs.width_pct:.2g} %"
            )
            said.append(f"no number of runs at the same places brings it to {goal}: {why}")
        led = [w for w in self.ways if w.factor is not None]
        if led:
            said.append(f"{goal} takes " + ", or ".join(_way(w) for w in led))
        elif len(self.ways) > 1:
            said.append("nor does any wider range of scale, or more groups, that was tried")
        said.append(f"a single run scatters over {self.run_pct:.2g} % besides")
        return "; ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {**vars(self), "ways": [w.to_dict() for w in self.ways], "verdict": self.verdict}


def _way(way: Way) -> str:
    assert way.factor is not None
    times = f"{format_number(way.factor, 2)}x"
    if way.name in ("runs", "groups"):
        return f"{times} the runs ({way.runs:,}) {way.what}"
    return f"{way.what}, {times} the range ({format_number(way.cost, 2)}x the compute)"


@dataclass(frozen=True)
class _Parts:
    """Variance of the average run by source, in squared units of a residual.

    What the backtest asks for multiplies all but what lies beyond the runs.
    """

    own: float
    together: float
    form: float
    beyond: float
    inflation: float

    @property
    def total(self) -> float:
        return self.inflation**2 * (self.own + self.together + self.form) + self.beyond

    def shares(self) -> dict[str, float]:
        total = max(self.total, 1e-300)
        grown = self.inflation**2 / total
        named = {
            _PARAMETERS: grown * self.own,
            _TOGETHER: grown * self.together,
            _FORM: grown * self.form,
            _BEYOND: self.beyond / total,
        }
        return {k: v for k, v in named.items() if v > 0.005}


@dataclass(frozen=True, eq=False)
class _Present:
    """The user's own runs, and how wide a forecast from others would be.

    Args:
        fit: The user's fit.
        point: Its forecast at the place.
        noise: The noise measured.
        z: Half-width of the interval in standard deviations.
        now: The design of the present runs.
        parts: Variance of the present forecast by source.
    """

    fit: Fit
    point: Point
    noise: Noise
    z: float
    now: Design
    parts: _Parts

    def width(self, variance: float) -> float:
        """Width of an interval in per cent of the forecast."""
        half = self.z * math.sqrt(variance)
        if self.fit.spec.log_residual:
            return 200.0 * math.sinh(min(half, 50.0))
        return 200.0 * half / (abs(self.point.band.median) or 1.0)

    def then(self, other: Design) -> _Parts:
        """Variance by source of a forecast from other runs, by formula."""
        own, together = other.variance()
        own_now, together_now = self.now.variance()
        return replace(
            self._nearer(other),
            own=self.parts.own * own / max(own_now, 1e-300),
            together=self.parts.together * together / max(together_now, 1e-300),
        )

    def verified(self, other: Design, seed: int) -> float | None:
        """The width from simulated tables of both designs; None where they are too large."""
        if len(other.runs) > SIMULATED_ROWS:
            return None
        before, after = (d.simulated(self.noise.measured, TABLES, seed) for d in (self.now, other))
        moved = (self.parts.own + self.parts.together) * after / max(before, 1e-300)
        width = self.width(replace(self._nearer(other), own=moved, together=0.0).total)
        return width if math.isfinite(width) else None

    def _nearer(self, other: Design) -> _Parts:
        """The less the law changes beyond the runs, the less the truth wanders off it."""
        at = {i: np.array([v]) for i, v in self.point.inputs.items()}
        far, near = (
            abs(float(change_beyond(self.fit, at, runs, group=self.point.group)[0]))
            for runs in (self.fit.runs, other.runs)
        )
        return replace(self.parts, beyond=self.parts.beyond * (near / far) ** 2 if far else 0.0)


def needed(
    fit: Fit,
    made: Forecast,
    noise: Noise,
    shared: Shared | None,
    *,
    k: int = 0,
    wanted: float | None = None,
    seed: int = 0,
) -> Needed:
    """What it takes to forecast the average run at place k of a forecast to a wanted width.

    More runs at the same places shrink what the parameters are unsure of, and nothing else: not
    what groups share, not the choice of law, not what lies beyond the runs.

    Args:
        fit: The user's fit, with draws.
        made: The forecast from it.
        noise: The noise measured.
        shared: Groups that err together; counted where the residuals ask for it.
        k: Which place.
        wanted: Width wanted, relative to the forecast; half of the present one by default.
        seed: Seed of the simulated tables.
    """
    point = made.points[k]
    at = {i: np.array([v]) for i, v in point.inputs.items()}
    told = shared if shared is not None and shared.told else None
    alone, spread = (told.alone, told.spread) if told else (noise.rms, 0.0)
    group = told.group if told else np.arange(len(fit.runs), dtype=np.intp)

    def on(runs: Any, together: Any = group) -> Design:
        return design(fit, runs, at, group=point.group, together=together, alone=alone,
                      spread=spread)  # fmt: skip

    now = on(fit.runs)
    z = NormalDist().inv_cdf(0.5 + 0.5 * made.level)
    parts, run = _parts(fit, made, point, z, now, noise)
    here = _Present(fit, point, noise, z, now, parts)
    goal = 0.5 * here.width(here.parts.total) if wanted is None else 100.0 * wanted

    def many(copies: float) -> Design:
        return on(copied(fit.runs, int(copies)), np.tile(group, int(copies)))

    def apart(copies: float) -> Design:
        step = int(group.max()) + 1
        other = [group + step * i for i in range(int(copies))]
        return on(copied(fit.runs, int(copies)), np.concatenate(other))

    most = float(max(min(MOST_RUNS, ROWS // len(fit.runs)), 2))
    ways: list[tuple[str, str, Callable[[float], Design], float, bool]] = []
    ways.append(("runs", "at the same places", many, most, True))
    if told:
        ways.append(("groups", f"at other {told.several} in the same range", apart, most, True))
    if span(fit) > 1.01:
        far = _gap(fit, at)
        ways.append(
            ("smaller", "as many runs, spread to smaller scales",
             lambda f: on(stretched(fit, f, up=False)), MOST_SPREAD, False)
        )  # fmt: skip
        if far > 1.01:
            ways.append(
                ("larger", "as many runs, spread to larger scales",
                 lambda f: on(stretched(fit, f, up=True)), far, False)
            )  # fmt: skip
    # A place outside the law's reach makes no design.
    found = []
    for name, what, make, reach, whole in ways:
        try:
            found.append(_along(here, name, what, make, reach, goal, seed, whole=whole))
        except ForescaleError:
            continue
    return Needed(
        inputs=dict(point.inputs),
        wanted_pct=goal,
        now_pct=here.width(here.parts.total),
        run_pct=here.width(run),
        parts=here.parts.shares(),
        floor_pct=here.width(replace(here.parts, own=0.0).total),
        ways=tuple(found),
    )


def _parts(
    fit: Fit, made: Forecast, point: Point, z: float, now: Design, noise: Noise
) -> tuple[_Parts, float]:
    """The printed forecast's variance taken apart, and what a single run adds to it."""
    log = fit.spec.log_residual

    def variance(lo: float, hi: float) -> float:
        wide = math.log(hi / lo) if log and lo > 0 else hi - lo
        return (wide / (2 * z)) ** 2

    tail = 0.5 * (1 - made.level)
    parameters = variance(point.parameters.lo, point.parameters.hi)
    own = parameters
    if fit.rivals and fit.draws is not None:
        draws = fit.predict(now.at, group=point.group, draws=True)[:, 0]
        lo, hi = np.nanquantile(draws, [tail, 1 - tail])
        own = min(variance(float(lo), float(hi)), parameters)
    inflation = made.doubt.inflation
    lo, hi = np.quantile(noise.measured, [tail, 1 - tail])
    run = inflation**2 * (float(hi - lo) / (2 * z)) ** 2
    left = variance(point.band.lo, point.band.hi) - inflation**2 * parameters - run
    # Within the runs nothing drifts; what is left there is noise.
    beyond = max(left, 0.0) if point.distance.decades > 0 else 0.0
    alone, together = now.variance()
    plain = replace(now, alone=noise.rms, spread=0.0).variance()[0]
    # Draws that resample groups whole know of shared errors; others print what runs err alone.
    knows = fit.draws is not None and fit.draws.cluster is not None
    unit = own / max(alone + together if knows else plain, 1e-300)
    parts = _Parts(unit * alone, unit * together, parameters - own, beyond, inflation)
    return parts, run


def _gap(fit: Fit, at: dict[str, Array]) -> float:
    """How far the place lies beyond the largest run, as a factor of scale."""
    seen = {i: np.asarray(fit.runs[i], float) for i in fit.law.inputs}
    there = {i: at[i] for i in fit.law.inputs}
    return float(scale_of(there, fit.law)[1][0] / scale_of(seen, fit.law)[1].max())


def _along(
    here: _Present,
    name: str,
    what: str,
    make: Callable[[float], Design],
    reach: float,
    goal: float,
    seed: int,
    *,
    whole: bool,
) -> Way:
    """How far along one way the goal lies, and how wide the forecast is there."""
    seen: dict[float, float] = {}

    def width(f: float) -> float:
        f = float(round(f)) if whole else f
        if f not in seen:
            seen[f] = here.width(here.then(make(f)).total)
        return seen[f]

    steps = np.geomspace(1.0, reach, STEPS)
    hit = next((i for i, f in enumerate(steps) if width(f) <= goal), None)
    if hit is None:
        best = min(seen, key=lambda f: seen[f])
        made = make(best)
        return Way(name, what, None, len(made.runs), made.cost, seen[best], None)
    low, high = float(steps[max(hit - 1, 0)]), float(steps[hit])
    low, high = (float(round(low)), float(round(high))) if whole else (low, high)
    while high - low > 1 if whole else high / low > 1.02:
        middle = float((low + high) // 2) if whole else math.sqrt(low * high)
        low, high = (low, middle) if width(middle) <= goal else (middle, high)
    made = make(high)
    verified = here.verified(made, seed)
    return Way(name, what, high, len(made.runs), made.cost, width(high), verified)
