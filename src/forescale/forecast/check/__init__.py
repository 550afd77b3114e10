"""Would these intervals hold? The user's own analysis on simulated tables whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, NotReached, check_level
from forescale.fit import Fit
from forescale.forecast import Forecast, _columns, forecast, places, with_draws
from forescale.forecast.check.needed import Needed, Way, needed
from forescale.forecast.check.rerun import Analysis, Answer, Task, answers
from forescale.forecast.check.shared import Shared, estimate
from forescale.forecast.check.worlds import World, noise_of, worlds
from forescale.maths.binomial import share_interval
from forescale.quantities import format_place
from forescale.summarised import Summarised

__all__ = ["Check", "Covered", "Needed", "Outcome", "Share", "Shared", "Way", "check"]

Array = NDArray[np.float64]

#: Tables per world with a law that is named, and with one that is chosen anew in each.
TABLES, TABLES_CHOSEN = 40, 20
#: One table in so many is forecast in whole, backtest and all, which takes ten times as long.
WHOLE = 5
#: Fewest tables per world.
LEAST = 10
#: Level of the interval of a coverage that was counted.
COUNTED = 0.9
#: Intervals undercover badly where even the upper end of their coverage is so far below.
BADLY = 0.1


@dataclass(frozen=True)
class Share:
    """How often something held, counted over simulated tables.

    Args:
        inside: Times it held.
        of: Times it was tried.
    """

    inside: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN where nothing was tried."""
        return self.inside / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper and Pearson's 90 % interval."""
        return share_interval(self.inside, self.of, level=COUNTED) if self.of else (0.0, 1.0)

    @property
    def text(self) -> str:
        """Such as "61 % [52, 70]"."""
        if not self.of:
            return "-"
        lo, hi = self.interval
        return f"{100 * self.value:.0f} % [{100 * lo:.0f}, {100 * hi:.0f}]"

    def badly_below(self, level: float) -> bool:
        """Whether it is far below `level`, luck of the simulation excluded."""
        return self.of > 0 and self.interval[1] < level - BADLY

    def to_dict(self) -> dict[str, Any]:
        """The share as plain values."""
        return {"share": self.value, "interval": list(self.interval), "inside": self.inside,
                "of": self.of}  # fmt: skip


@dataclass(frozen=True)
class Covered:
    """How the intervals of one place fared in one world.

    Args:
        inputs: The place.
        own: How often the interval of the parameters alone held what the law truly says.
        ours: How often the forecast's interval held what a new run measured.
        clustered: As `own`, with the groups that err together resampled whole; None elsewhere.
        bias_pct: Median error of the forecast, in per cent of the truth.
        width_pct: Median width of `own`, in per cent of the truth.
        our_width_pct: Median width of `ours`.
    """

    inputs: Mapping[str, float]
    own: Share
    ours: Share
    clustered: Share | None
    bias_pct: float
    width_pct: float
    our_width_pct: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "inputs": dict(self.inputs),
            "parameters_only": self.own.to_dict(),
            "forecast": self.ours.to_dict(),
            "clustered": self.clustered.to_dict() if self.clustered else None,
            "bias_pct": self.bias_pct,
            "width_pct": self.width_pct,
            "forecast_width_pct": self.our_width_pct,
        }


@dataclass(frozen=True)
class Outcome:
    """How the analysis fared in one world.

    Args:
        name: The world.
        what: What is true in it.
        likely: Whether the runs leave it open.
        places: One per place forecast.
        params: How often the interval of each parameter held the truth; empty where the law is
            not true.
        tables: Tables analysed.
        failed: Tables of which the analysis made nothing.
    """

    name: str
    what: str
    likely: bool
    places: tuple[Covered, ...]
    params: Mapping[str, Share]
    tables: int
    failed: int

    @property
    def worst(self) -> Covered:
        """The place where the user's intervals hold least."""
        return min(self.places, key=lambda p: p.own.value)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "world": self.name,
            "what": self.what,
            "left_open_by_the_runs": self.likely,
            "places": [p.to_dict() for p in self.places],
            "params": {n: s.to_dict() for n, s in self.params.items()},
            "tables": self.tables,
            "failed": self.failed,
        }


@dataclass(frozen=True, eq=False)
class Check(Summarised):
    """Whether the user's intervals would hold, and what narrower ones would take.

    Args:
        fit: The user's fit.
        forecast: Its forecast at the places.
        outcomes: One per world.
        shared: Groups of runs that may err together.
        needed: What a narrower forecast takes, at the farthest place.
        level: Coverage promised.
        tables: Tables simulated per world.
        skipped: Worlds that could not be made, and why.
        stopped: Whether it was interrupted; what was done by then is told.
        seed: Seed of everything random.
    """

    fit: Fit
    forecast: Forecast
    outcomes: tuple[Outcome, ...]
    shared: Shared | None
    needed: Needed
    level: float
    tables: int
    skipped: tuple[str, ...]
    stopped: bool
    seed: int

    def world(self, name: str) -> Outcome:
        """The outcome of a world.

        Raises:
            BadOption: If there is none of that name.
        """
        for o in self.outcomes:
            if o.name == name:
                return o
        known = ", ".join(o.name for o in self.outcomes)
        raise BadOption(f"there is no world '{name}'", fix=f"there are {known}")

    @property
    def worst(self) -> Outcome:
        """The world, of those that the runs leave open, where the user's intervals hold least."""
        return min((o for o in self.outcomes if o.likely), key=lambda o: o.worst.own.value)

    @property
    def trusted(self) -> bool:
        """Whether no interval undercovers badly in a world that the runs leave open."""
        return not self.doubts

    @property
    def doubts(self) -> tuple[str, ...]:
        """Each undercoverage that is bad, in one line."""
        found = []
        for o in self.outcomes:
            if o.likely and o.worst.own.badly_below(self.level):
                found.append(self._said(o, o.worst))
        for o in self.outcomes:
            ours = min(o.places, key=lambda p: p.ours.value if p.ours.of else np.inf)
            if o.likely and ours.ours.badly_below(self.level):
                found.append(
                    f"the forecast's own intervals cover {ours.ours.text} where "
                    f"{100 * self.level:.4g} % is promised if {_if(o, self.shared)}"
                )
        return tuple(found)

    def _said(self, o: Outcome, p: Covered) -> str:
        place = f" at {format_place(p.inputs)}" if len(o.places) > 1 else ""
        said = (
            f"intervals of the parameters alone cover {p.own.text}{place} where "
            f"{100 * self.level:.4g} % is promised if {_if(o, self.shared)}"
        )
        if p.clustered is not None and p.clustered.of:
            assert self.shared is not None
            said += f" (with {self.shared.several} resampled whole: {p.clustered.text})"
        return said

    @property
    def verdict(self) -> str:
        """One line: how the user's intervals fare in the worst world left open."""
        o = self.worst
        return self._said(o, o.worst)

    def __repr__(self) -> str:
        o = self.worst
        trust = "trusted" if self.trusted else "NOT to be trusted"
        return (
            f"Check({self.fit.law.name}, {len(self.outcomes)} worlds x {self.tables} tables: "
            f"worst {o.worst.own.text} of {100 * self.level:.4g} % in '{o.name}'; {trust})"
        )

    def summary(self) -> str:
        """The verdict, each world in a line, and what a narrower forecast takes."""
        lines = [self.verdict]
        for o in self.outcomes:
            for p in o.places:
                lines.append(
                    f"  {o.name} at {format_place(p.inputs)}: parameters alone {p.own.text}, "
                    f"forecast {p.ours.text}, bias {p.bias_pct:+.2g} %, width {p.width_pct:.2g} %"
                )
        lines += [f"  {s}" for s in self.skipped]
        lines.append(self.needed.verdict)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The check as plain values."""
        from forescale import __version__

        return {
            "schema": 1,
            "kind": "check",
            "law": self.fit.law.name,
            "formula": self.fit.law.formula,
            "level": self.level,
            "uncertainty": Analysis(self.fit, {}, self.level).method,
            "verdict": self.verdict,
            "trusted": self.trusted,
            "doubts": list(self.doubts),
            "worlds": [o.to_dict() for o in self.outcomes],
            "shared": self.shared.to_dict() if self.shared else None,
            "needed": self.needed.to_dict(),
            "forecast": [p.to_dict() for p in self.forecast.points],
            "tables": self.tables,
            "stopped": self.stopped,
            "skipped": list(self.skipped),
            "n_runs": len(self.fit.runs),
            "data_hash": self.fit.runs.hash,
            "source": self.fit.runs.source,
            "seed": self.seed,
            "version": __version__,
        }


def _if(o: Outcome, shared: Shared | None) -> str:
    """A world as a condition."""
    if o.name == "shared errors" and shared is not None:
        return f"runs of {shared.words} err together ({100 * shared.share:.0f} % of the noise)"
    return o.what.partition(";")[0]


def check(
    fit: Fit,
    at: Mapping[str, ArrayLike],
    *,
    level: float | None = None,
    group: str | None = None,
    tables: int | None = None,
    width: float | None = None,
    workers: int = 1,
    seed: int | None = None,
    tick: Callable[[int], None] | None = None,
) -> Check:
    """The analysis behind a fit, made again on tables simulated around it.

    Tables have the user's places, groups and weights. In each world the truth is known: the law
    as fitted, heavier tails, under-tuned runs, errors that groups share (their share estimated
    from the residuals), another law fitted to the same runs, a slow drift. Every table is fitted
    as the user's was, law chosen anew where it was chosen, and the intervals are held against
    the truth: those of the parameters alone against what the law truly says, those of the
    forecast (one table in five) against what a new run measures.

    Args:
        fit: The user's fit; draws are made if it has none.
        at: Places, as in `forecast`.
        level: Level of the intervals; the fit's by default.
        group: Whose parameters are forecast, for a fit with groups.
        tables: Tables per world; 40, or 20 where the law is chosen anew in each.
        width: Width wanted of what runs there measure on average, relative to it; half of the
            present by default.
        workers: Processes; the answer does not depend on it.
        seed: Seed of everything random; the fit's own by default.
        tick: Called with 1 after each table of all worlds.

    Raises:
        BadOption: If a number or a place cannot be used.
        NotReached: If the law has no finite value at a place, or no table could be analysed.

    Source: Talts et al. 2018, "Validating Bayesian Inference Algorithms with Simulation-Based
    Calibration", for the idea of testing an analysis on data from its own model; the worlds
    beyond it are where such models have failed on public suites.
    """
    level = fit.level if level is None else level
    check_level(level)
    if tables is None:
        tables = TABLES if fit.choice is None else TABLES_CHOSEN
    if tables < LEAST:
        raise BadOption(f"{tables} tables tell no coverage", fix=f"use {LEAST} or more")
    if width is not None and not 0 < width < 10:
        raise BadOption(f"width {width:g} is no width", where="--width", fix="as in --width 2%")
    seed = fit.spec.seed if seed is None else seed
    fit = with_draws(fit, level=level)
    columns = _columns(fit, at)
    here = places(fit, at)
    there = {name: np.array([p[name] for p in here]) for name in fit.law.inputs}
    made = forecast(fit, at, level=level, group=group)
    noise = noise_of(fit, tables, len(here), seed)
    shared = estimate(fit)
    found, skipped = worlds(fit, {**columns, **there}, noise, shared, group=group, seed=seed)
    analysis = Analysis(fit, columns, level, group)
    kept: list[list[Answer | None]] = []
    stopped = False
    try:
        for answered in answers(analysis, _tasks(found, tables, shared, seed), workers):
            kept.append(answered)
            if tick is not None:
                tick(1)
    except KeyboardInterrupt:
        if len(kept) < LEAST:
            raise
        stopped = True
    outcomes = tuple(
        _outcome(w, [row[i] for row in kept], here, fit.names) for i, w in enumerate(found)
    )
    if all(o.failed == o.tables for o in outcomes):
        raise NotReached(
            f"law '{fit.law.name}' could be fitted to none of the simulated tables",
            where=fit.runs.source,
            fix="fit another law",
        )
    farthest = max(range(len(here)), key=lambda k: made.points[k].distance.decades)
    return Check(
        fit=fit,
        forecast=made,
        outcomes=tuple(o for o in outcomes if o.failed < o.tables),
        shared=shared,
        needed=needed(fit, made, noise, shared, k=farthest, wanted=width, seed=seed),
        level=level,
        tables=len(kept),
        skipped=(
            *skipped,
            *(f"{o.name}: no table could be analysed" for o in outcomes if o.failed == o.tables),
        ),
        stopped=stopped,
        seed=seed,
    )


def _tasks(found: list[World], tables: int, shared: Shared | None, seed: int) -> list[list[Task]]:
    """All worlds of one table are one bundle, so that an interruption leaves them level."""
    seeds = np.random.SeedSequence([seed, 42]).generate_state(tables)
    return [
        [
            Task(
                observed=w.observed(k),
                seed=int(seeds[k]),
                whole=k % WHOLE == 0,
                groups=shared.group if shared is not None and w.name == "shared errors" else None,
            )
            for w in found
        ]
        for k in range(tables)
    ]


def _outcome(
    world: World, kept: list[Answer | None], here: list[dict[str, float]], names: tuple[str, ...]
) -> Outcome:
    done = [(k, a) for k, a in enumerate(kept) if a is not None]
    params: dict[str, Share] = {}
    told = [a.params for _, a in done if a.params is not None]
    if world.natural is not None and told:
        ends = np.stack(told)
        inside = (ends[..., 0] <= world.natural) & (world.natural <= ends[..., 1])
        params = {n: Share(int(i), len(told)) for n, i in zip(names, inside.sum(0), strict=True)}
    return Outcome(
        name=world.name,
        what=world.what,
        likely=world.likely,
        places=tuple(_covered(world, done, m, place) for m, place in enumerate(here))
        if done
        else (),
        params=params,
        tables=len(kept),
        failed=len(kept) - len(done),
    )


def _covered(
    world: World, done: list[tuple[int, Answer]], m: int, place: Mapping[str, float]
) -> Covered:
    law = float(world.there[m])
    own = np.array([a.own[:, m] for _, a in done])
    ours = np.array([[*a.ours[:, m], world.truth(k)[m]] for k, a in done if a.ours is not None])
    again = np.array([a.clustered[:, m] for _, a in done if a.clustered is not None])
    per_cent = 100.0 / (abs(law) or 1.0)

    def holds(ends: Array, truth: Any) -> Share:
        return Share(int(((ends[:, 0] <= truth) & (truth <= ends[:, 2])).sum()), len(ends))

    return Covered(
        inputs=place,
        own=holds(own, law),
        ours=holds(ours, ours[:, 3]) if len(ours) else Share(0, 0),
        clustered=holds(again, law) if len(again) else None,
        bias_pct=float(np.median(own[:, 1]) - law) * per_cent,
        width_pct=float(np.median(own[:, 2] - own[:, 0])) * per_cent,
        our_width_pct=float(np.median(ours[:, 2] - ours[:, 0])) * per_cent
        if len(ours)
        else float("nan"),
    )
