"""Will this run generalise, and when, from the part of it that is there?

A network that has learnt its examples by heart may find the rule behind them much later, or never.
What it shows meanwhile is held against runs whose end is known: those of the table `grok_runs`
unless others are given. The forecast is for tasks that are not among them: how well it does there
is measured by leaving out one task at a time, and stands beside it.

Source: Power et al. 2022, "Grokking: Generalization Beyond Overfitting on Small Algorithmic
Datasets"; Notsawo et al. 2023, "Predicting Grokking Long Before it Happens". How known runs are
read at many steps follows van Houwelingen 2007, "Dynamic Prediction by Landmarking in Event
History Analysis".
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.emergence.events import _signs
from forescale.emergence.events._held_out import HeldOut, held_out
from forescale.emergence.events._told import FIRST, Known, Teller
from forescale.errors import BadOption, BadTable, check_level
from forescale.quantities import format_number, short
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Settings of the table that are numbers, and rules and activations that a run has or not.
NUMBERS = ("examples", "weight_decay", "lr", "init_scale", "width")
SWITCHES = ("perp_grad", "grokfast", "stablemax", "square")
#: Test accuracy that counts as having generalised.
GENERALISED = 0.9
#: Coverage of the 90 % interval, and AUC, in tasks left out, below which a forecast is doubted.
LEAST_COVERAGE, LEAST_AUC = 0.75, 0.7


@dataclass(frozen=True)
class GrokForecast(Summarised):
    """Whether and when a run will generalise, foretold at one step.

    Args:
        until: The step; what came later was not read.
        by: Step by which `chance` is told: the last of known runs, or twice `until` if that is
            more.
        chance: Chance of having generalised by then.
        median: Step by which it generalises with even chance; infinite where that is not told.
        lo: Lower end of the interval of the step.
        hi: Upper end; infinite where a larger share than the tail never did while watched.
        memorised: Step at which the train accuracy had reached 0.99; None if not yet.
        alike: Known runs of equal weight that would say as much.
        runs: Known runs.
        tasks: Their tasks.
        read: Curves that were read.
        outside: Signs beyond those of all known runs at such steps.
        held_out: How forecasts from the same signs did in tasks left out.
        level: Level of the interval.
        times: Step of the event at even shares from 0 to 1, infinite where it is not told.
    """

    until: float
    by: float
    chance: float
    median: float
    lo: float
    hi: float
    memorised: float | None
    alike: float
    runs: int
    tasks: tuple[str, ...]
    read: tuple[str, ...]
    outside: tuple[str, ...]
    held_out: HeldOut
    level: float
    times: Array = field(repr=False, compare=False)

    def chance_by(self, step: float) -> float:
        """Chance of having generalised by a step."""
        return float(np.searchsorted(self.times, step, side="right") / len(self.times))

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why one should not bet on it; empty where nothing speaks against it."""
        out = []
        if self.memorised is None:
            out.append("it has not memorised yet")
        if "step" in self.outside:
            out.append("it runs longer than known runs were watched")
        if len(self.outside) > 2:
            out.append(f"unlike known runs in {', '.join(map(short, self.outside[:4]))}")
        if self.held_out.coverage < LEAST_COVERAGE:
            out.append(
                f"intervals held {self.held_out.coverage:.0%} in tasks left out, not "
                f"{self.level:.0%}"
            )
        if self.held_out.auc < LEAST_AUC:
            out.append(f"whether is hardly told in tasks left out (AUC {self.held_out.auc:.2f})")
        return tuple(out)

    def __repr__(self) -> str:
        return f"GrokForecast({self._said}, told at {format_number(self.until)})"

    @property
    def when(self) -> str:
        """The median step and its interval, in words where known runs mostly never did."""
        mid, lo, hi = (format_number(v, 2) for v in (self.median, self.lo, self.hi))
        if math.isinf(self.lo):
            return "at no step that is told"
        within = f"{lo} to {hi}" if math.isfinite(self.hi) else f"{lo} or later, or never"
        return f"at {mid} ({within})" if math.isfinite(self.median) else f"at {within}"

    @property
    def _said(self) -> str:
        return f"{self.chance:.0%} by step {format_number(self.by)}, {self.when}"

    def summary(self) -> str:
        """The forecast, what it rests on, and how such forecasts did."""
        have = "not memorised yet" if self.memorised is None else (
            f"memorised at {format_number(self.memorised)}"
        )  # fmt: skip
        lines = [
            f"at step {format_number(self.until)} ({have}): generalises with chance {self._said}, "
            f"level {self.level:g}",
            f"  from {self.runs} known runs of {len(self.tasks)} tasks; those alike count as "
            f"{self.alike:.0f}; read: {', '.join(self.read)}",
            f"  {self.held_out}",
            *(f"  NOT TRUSTED: {doubt}" for doubt in self.doubts),
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; what is infinite is null."""
        rest = {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in vars(self).items()
            if k not in {"times", "held_out"}
        }
        lists = {k: list(getattr(self, k)) for k in ("tasks", "read", "outside", "doubts")}
        held = self.held_out.to_dict()
        return {"schema": 1, "kind": "grok_forecast", **rest, **lists, "held_out": held}


def forecast_grokking(
    steps: ArrayLike,
    curves: Mapping[str, ArrayLike],
    *,
    until: float | None = None,
    settings: Mapping[str, float] | None = None,
    known: Sequence[Known] | None = None,
    level: float = 0.9,
) -> GrokForecast:
    """Whether and when a run generalises, from its curves so far.

    Args:
        steps: Steps of the points, ascending, shape (n,).
        curves: "train_loss" and "test_loss" at least, "train_accuracy" and "test_accuracy" where
            there are any, and what probes read, each of shape (n,).
        until: Step up to which the run is read; its last if not told.
        settings: "lr" and "weight_decay", where they are known.
        known: Runs whose end is known; those of the table `grok_runs` if not told.
        level: Level of the interval.

    Raises:
        BadTable: If curves do not match the steps, a loss is missing, or the run has generalised.
        BadOption: If the level cannot be used, a curve is not known, or `until` is too early.
    """
    check_level(level, "as in level=0.9")
    at = np.asarray(steps, float)
    if at.ndim != 1 or not len(at):
        raise BadTable("there is no point", where="steps", fix="give at least one")
    now = float(at[-1] if until is None else until)
    if not now >= FIRST:
        raise BadOption(
            f"until is {now:g}", where="until", fix=f"read at least {FIRST:g} steps of the run"
        )
    for name in ("train_loss", "test_loss"):
        if name not in curves:
            raise BadTable(f"no curve {name}", where="curves", fix="give both losses")
    for name in curves:
        if name not in _signs.SCALES:
            raise BadOption(
                f"no known curve {short(name)!r}",
                where="curves",
                fix=f"one of {', '.join(_signs.SCALES)}",
            )
    read = _signs.signs(at, curves, now, settings)
    accuracy = np.asarray(curves.get("test_accuracy", np.zeros(len(at))), float)
    if (there := (accuracy >= GENERALISED) & (at <= now)).any():
        raise BadTable(
            f"the run generalised by step {format_number(at[np.argmax(there)])}",
            where="test_accuracy",
            fix="give a smaller until",
        )
    runs = tuple(recorded() if known is None else known)
    names = tuple(read)
    teller = _teller(names) if known is None else Teller(runs, names)
    [(curve, alike)] = teller.tell([read])
    times = now * np.exp(curve)
    tail = (1 - level) / 2
    # Ends of few runs lie inside those of the next one.
    tail = max(tail - (0.5 - tail) / (2 * alike), 0.0)
    lo, mid, hi = np.quantile(times, [tail, 0.5, 1 - tail], method="inverted_cdf")
    by = max(*(k.steps[-1] for k in runs), 2 * now)
    learnt = np.asarray(curves.get("train_accuracy", np.zeros(len(at))), float)
    there = (learnt >= _signs.MEMORISED) & (at <= now)
    return GrokForecast(
        until=now,
        by=by,
        chance=float(np.searchsorted(times, by, side="right") / len(times)),
        median=float(mid),
        lo=float(lo),
        hi=float(hi),
        memorised=float(at[np.argmax(there)]) if there.any() else None,
        alike=alike,
        runs=len(runs),
        tasks=tuple(sorted({k.task for k in runs})),
        read=tuple(n for n in _signs.SCALES if n in names),
        outside=teller.outside(read),
        held_out=_held_out(names) if known is None else held_out(runs, names),
        level=level,
        times=times,
    )


@cache
def recorded() -> tuple[Known, ...]:
    """The runs of the shipped table `grok_runs`, which the lab made."""
    from forescale import datasets

    runs = _columns(datasets.path("grok_runs").read_bytes())
    points = _columns(gzip.decompress(datasets.path("grok_runs_curves").read_bytes()))
    whose = np.array(points["run"], int)
    curves = {n: np.array([float(v or "nan") for v in points[n]]) for n in points if n != "run"}
    out = []
    for i, run in enumerate(runs["run"]):
        mine = {n: v[whose == int(run)] for n, v in curves.items()}
        settings = {n: float(runs[n][i]) for n in NUMBERS}
        settings |= {n: float(n in (runs["rule"][i], runs["act"][i])) for n in SWITCHES}
        out.append(known(runs["task"][i], mine.pop("step"), mine, settings))
    return tuple(out)


def known(
    task: str, steps: Array, curves: Mapping[str, Array], settings: Mapping[str, float]
) -> Known:
    """A run that is over, its event read from its test accuracy.

    Args:
        task: What it learnt.
        steps: Steps of its points, shape (n,).
        curves: Curves by name, "test_accuracy" among them, each of shape (n,).
        settings: Its settings.
    """
    there = curves["test_accuracy"] >= GENERALISED
    came = bool(there.any())
    time = float(steps[np.argmax(there)] if came else steps[-1])
    return Known(task, steps, curves, settings, time, came)


def _columns(text: bytes) -> dict[str, tuple[str, ...]]:
    header, *rows = csv.reader(io.StringIO(text.decode()))
    return dict(zip(header, zip(*rows, strict=True), strict=True))


@cache
def _teller(names: tuple[str, ...]) -> Teller:
    return Teller(recorded(), names)


@cache
def _held_out(names: tuple[str, ...]) -> HeldOut:
    return held_out(recorded(), names)
