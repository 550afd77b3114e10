"""When will this run have its event, from its curves so far and what became of others like it?

Runs of one table differ in how long they take by orders of magnitude, and a curve of event times
over all of them says little about one. Its own first steps say more: how long ago it memorised,
whether its test loss has turned, whether its weights shrink. These are measured at one step in
every run that had not had the event by then; the forecast is Kaplan and Meier's curve of the
runs, each weighing by how near its measurements are. So it has no shape of its own: where runs
like this one never had the event, it says so.

Source: Beran 1981, "Nonparametric Regression with Randomly Censored Survival Data"; van Houwelingen
2007, "Dynamic Prediction by Landmarking in Event History Analysis". What is measured follows Liu,
Michaud & Tegmark 2023, "Omnigrok: Grokking Beyond Algorithmic Data" (weight norm) and Notsawo et
al. 2023, "Predicting Grokking Long Before it Happens" (test loss).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.emergence.events._signs import slope
from forescale.errors import BadOption, BadTable, check_level
from forescale.quantities import format_number, short
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Curves that are read, and the train loss below which a run has memorised.
CURVES = ("train_loss", "test_loss", "weight_norm")
MEMORISED = 0.1
#: Losses are not told apart below it.
TINY = 1e-8
#: Weight that a run far away keeps, and shares at which the curve is told. The weight and the
#: ten near runs of `forecast_event` were set on three published tables of grokking runs, where
#: regressions of the time (log-logistic) were off by half as much again.
FAR, SHARES = 0.02, 2000


@dataclass(frozen=True)
class EventForecast(Summarised):
    """When a run has its event, foretold at one step.

    Args:
        until: The step; the run had no event by then.
        median: Step by which it comes with even chance; infinite where runs like it do not tell.
        lo: Lower end of the interval of the step of the event, wider where few runs are alike.
        hi: Upper end; infinite where a larger share than the tail had no event in all the time
            that runs like it were watched.
        later: Share that had none in that time: never, or not yet.
        outside: Measurements beyond those of all other runs.
        runs: Other runs without the event by `until`.
        events: Of them with the event later.
        alike: Runs of equal weight that would say as much.
        level: Level of the interval.
        unit: Unit of the steps.
        times: Step of the event at even shares from 0 to 1, infinite where it is not told.
    """

    until: float
    median: float
    lo: float
    hi: float
    later: float
    outside: tuple[str, ...]
    runs: int
    events: int
    alike: float
    level: float
    unit: str
    times: Array = field(repr=False, compare=False)

    def chance(self, step: float) -> float:
        """Chance that the event has come by a step."""
        return float(np.searchsorted(self.times, step, side="right") / len(self.times))

    @property
    def _said(self) -> str:
        mid, lo, hi = (format_number(v, 3) for v in (self.median, self.lo, self.hi))
        return f"{mid} ({lo} to {hi}) {self.unit}"

    def __repr__(self) -> str:
        return f"EventForecast({self._said}, told at {format_number(self.until)})"

    def summary(self) -> str:
        """The forecast and what it rests on."""
        lines = [
            f"no event by {format_number(self.until)} {self.unit}: it comes at {self._said}, "
            f"level {self.level:g}",
            f"  of {self.runs} other runs without it by then {self.events} had it later; those "
            f"alike count as {self.alike:.0f}",
        ]
        if self.later > 0:
            lines.append(f"  {100 * self.later:.0f} % not while such runs were watched, if ever")
        if self.outside:
            lines.append(f"  OUTSIDE what those runs showed: {', '.join(map(short, self.outside))}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; what is infinite is null."""
        rest = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in vars(self).items()
            if k != "times"
        }
        return {"schema": 1, "kind": "event_forecast", **rest, "outside": list(self.outside)}


def features(
    steps: ArrayLike,
    curves: Mapping[str, ArrayLike],
    until: float,
    *,
    memorised: float = MEMORISED,
) -> dict[str, float]:
    """What a run shows by a step, numbers for `forecast_event`; what comes later is not read.

    Of the test loss: "fallen", log of its highest over its last; "test", its log; "test_slope", of
    its log over the log of steps, in the later half of what is read. Of the train loss: "since",
    log of the step over that at which it fell below `memorised` (0 if it has not); "train", its
    log. Of the weight norm: "norm_slope", as that of the test loss.

    Args:
        steps: Steps of the points, ascending, shape (n,).
        curves: Any of "train_loss", "test_loss" and "weight_norm", each of shape (n,); points that
            are no number are left out.
        until: Step up to which the run is read.
        memorised: Train loss below which a run has memorised.

    Raises:
        BadTable: If a curve does not match the steps, or has fewer than 3 points by then.
        BadOption: If a curve is none of those named, or `until` is not above 0.
    """
    at = np.asarray(steps, float)
    if not until > 0:
        raise BadOption(f"until {until:g} is no step", where="until", fix="as in until=1000")
    if at.ndim != 1 or not (np.diff(at) > 0).all():
        raise BadTable("steps do not ascend", where="steps", fix="sort the points, each step once")
    out: dict[str, float] = {}
    for name in sorted(curves, key=lambda k: CURVES.index(k) if k in CURVES else -1, reverse=True):
        if name not in CURVES:
            raise BadOption(f"no curve {short(name)!r}", where="curves", fix=f"any of {CURVES}")
        y = np.asarray(curves[name], float)
        if y.shape != at.shape:
            raise BadTable(f"shape {y.shape} beside {at.shape} steps", where=name)
        read = np.isfinite(y) & (at <= until)
        t, y = np.maximum(at[read], 1.0), np.maximum(y[read], TINY)
        if len(t) < 3:
            raise BadTable(
                f"{len(t)} points by step {until:g}", where=name, fix="read further, or log more"
            )
        if name == "test_loss":
            out |= {
                "fallen": float(np.log(y.max() / y[-1])),
                "test": float(np.log(y[-1])),
                "test_slope": _slope(t, y),
            }
        elif name == "train_loss":
            low = y < memorised
            out["since"] = float(np.log(until / t[np.argmax(low)])) if low.any() else 0.0
            out["train"] = float(np.log(y[-1]))
        else:
            out["norm_slope"] = _slope(t, y)
    order = ("fallen", "test_slope", "norm_slope", "since", "test", "train")
    return {k: out[k] for k in order if k in out}


def forecast_event(
    run: Mapping[str, float],
    others: Sequence[Mapping[str, float]],
    times: ArrayLike,
    events: ArrayLike,
    until: float,
    *,
    near: int = 10,
    level: float = 0.9,
    unit: str = "steps",
) -> EventForecast:
    """When a run that had no event by a step will have it, from others measured at that step.

    Distance is Euclid's over the ranks of the measurements, so that their units do not matter.

    Args:
        run: Measurements of the run at `until`, as from `features`, or its settings.
        others: The same of other runs, also at `until`.
        times: Step of each one's event, or at which it ended without, shape (n,). Runs with the
            event by `until`, or that ended by then, are left out.
        events: Whether the event came, shape (n,).
        until: The step.
        near: Other runs within the reach of the weights; those beyond keep a fiftieth.
        level: Level of the interval.
        unit: Unit of the steps.

    Raises:
        BadTable: If rows do not match, or fewer than three other runs had the event later.
        BadOption: If the level, `near` or `until` cannot be used.

    Source: Beran 1981; van Houwelingen 2007.
    """
    check_level(level, "as in level=0.9")
    if not until > 0:
        raise BadOption(f"until {until:g} is no step", where="until", fix="as in until=1000")
    if near < 3:
        raise BadOption(f"near {near:g} makes no curve", where="near", fix="3 or more")
    t, came = np.asarray(times, float), np.asarray(events, bool)
    if t.shape != came.shape or t.shape != (len(others),):
        raise BadTable(f"{len(others)} runs, but times of shape {t.shape} and events {came.shape}")
    lacking = [k for k in run if any(k not in o for o in others)]
    if lacking or not run:
        raise BadTable(
            f"not every run has {', '.join(map(short, lacking))}" if run else "nothing is measured",
            where="others",
            fix="measure the same in all runs",
        )
    table = np.array([[o[k] for k in run] for o in (*others, run)], float)
    if not (np.isfinite(table).all() and np.isfinite(t).all()):
        raise BadTable("a measurement or a time is no number", fix="leave out that run")
    later = t > until
    t, came, table = t[later], came[later], table[np.r_[later, True]]
    if came.sum() < 3:
        raise BadTable(
            f"{int(came.sum())} other runs had the event after {format_number(until)}",
            where="events",
            fix="give three or more, or forecast from an earlier step",
        )
    weight = _nearness(table, near)
    curve = steps_of(t, came, weight)
    alike = float(weight.sum() ** 2 / (weight @ weight))
    # Ends of few runs lie inside those of the next one. Of the exact shift for m like runs half is
    # taken, as near runs are less alike than that: at 90 %, intervals held 0.86 of simulated times
    # where measurements tell nothing and 0.94 where they tell; the whole shift held 0.91 and 0.95,
    # but on real tables left hardly an upper end.
    tail = (1 - level) / 2
    tail = max(tail - (0.5 - tail) / (2 * alike), 0.0)
    lo, mid, hi = np.quantile(curve, [tail, 0.5, 1 - tail], method="inverted_cdf")
    own, low, high = table[-1], table[:-1].min(0), table[:-1].max(0)
    return EventForecast(
        until=float(until),
        median=float(mid),
        lo=float(lo),
        hi=float(hi),
        later=float(np.isinf(curve).mean()),
        outside=tuple(k for k, far in zip(run, (own < low) | (own > high), strict=True) if far),
        runs=len(t),
        events=int(came.sum()),
        alike=alike,
        level=level,
        unit=unit,
        times=curve,
    )


def _nearness(table: Array, near: int) -> Array:
    """Weight of each row but the last by how near it is to the last, shape (n - 1,)."""
    ordered = np.sort(table, axis=0)
    ranks = np.column_stack(
        [
            np.searchsorted(o, c, side="left") + np.searchsorted(o, c, side="right")
            for o, c in zip(ordered.T, table.T, strict=True)
        ]
    )
    far = np.sqrt(((ranks[:-1] - ranks[-1]) ** 2.0).sum(1))
    reach = np.sort(far)[min(near, len(far)) - 1] + 1e-9
    return np.asarray(np.maximum(1 - (far / reach) ** 2, 0) + FAR)


def steps_of(t: Array, came: NDArray[np.bool_], weight: Array) -> Array:
    """Steps of the event at even shares, of Kaplan and Meier's curve with weights."""
    # Of runs at one step those with the event come first, as those that ended saw it too.
    order = np.lexsort((~came, t))
    t, came, weight = t[order], came[order], weight[order]
    at_risk = np.cumsum(weight[::-1])[::-1]
    left = np.cumprod(np.where(came, 1 - weight / at_risk, 1.0))
    share = (np.arange(SHARES) + 0.5) / SHARES
    return np.asarray(np.r_[t[came], np.inf][np.searchsorted(1 - left[came], share)], float)


def _slope(t: Array, y: Array) -> float:
    """Slope of log y over log t in the later half of the points."""
    half = slice(min(len(t) // 2, len(t) - 3), None)
    return slope(t[half], np.log(y[half]))
