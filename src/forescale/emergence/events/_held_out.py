"""How forecasts of generalisation did in tasks that they had not seen: one task left out at a time.

Runs that generalised are read at a share of the steps to it, those that did not at the steps at
which the others of their task were read, so that the step itself does not tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.emergence.events import _signs
from forescale.emergence.events._told import FIRST, Known, Teller, waited
from forescale.quantities import format_number

Array = NDArray[np.float64]

#: Shares of the steps to the event at which runs are read.
SHARES = (0.1, 0.25, 0.5)


@dataclass(frozen=True)
class Told:
    """One forecast of a run whose end is known.

    Args:
        task: Its task, which was left out.
        share: Share of the steps to the event at which it was told.
        came: Whether it generalised.
        chance: Chance that was told, of generalising while runs of its task were watched.
        log_time: log10 of the event's step over that at which it was told.
        lo: The same of the lower end of the 90 % interval.
        mid: Of the median.
        hi: Of the upper end.
    """

    task: str
    share: float
    came: bool
    chance: float
    log_time: float
    lo: float
    mid: float
    hi: float


@dataclass(frozen=True)
class HeldOut:
    """How forecasts did over the tasks left out.

    Args:
        forecasts: Forecasts, of runs at the shares of `SHARES`.
        events: Of them of runs that generalised.
        auc: Share of pairs of a run that did and one that did not in which the first had the
            higher chance; NaN without both.
        error: Median distance of log10 of the step; infinite where most were told "never".
        coverage: Share of steps inside their 90 % intervals.
        brier: Mean squared distance of the chance from what became of it.
    """

    forecasts: int
    events: int
    auc: float
    error: float
    coverage: float
    brier: float

    def __str__(self) -> str:
        when = "not when"
        if math.isfinite(self.error):
            when = f"when to a factor of {format_number(10**self.error, 2)}"
        return (
            f"in tasks left out such forecasts told who generalises with AUC {self.auc:.2f}, and "
            f"{when}, with {self.coverage:.0%} of the steps inside their 90 % intervals"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values; what is not known is null."""
        return {
            k: None if isinstance(v, float) and not math.isfinite(v) else v
            for k, v in vars(self).items()
        }


def held_out(known: Sequence[Known], names: Sequence[str]) -> HeldOut:
    """How forecasts from some signs do in tasks left out."""
    return scored(tuple(told(known, names)))


def told(
    known: Sequence[Known], names: Sequence[str] | None, shares: Sequence[float] = SHARES
) -> Iterator[Told]:
    """Every forecast of every run with its task left out.

    Args:
        known: The runs, of two tasks or more.
        names: Signs that are read; None for the curve of waiting times alone.
        shares: Shares of the steps to the event at which runs are read.
    """
    for task in sorted({k.task for k in known}):
        mine = [k for k in known if k.task == task]
        others = [k for k in known if k.task != task]
        watched = max(k.steps[-1] for k in mine)
        if not any(k.came for k in mine) or not any(k.came for k in others):
            continue
        asked = askings(mine, shares)
        if names is None:
            curves = [waited(others, until)[0] for _, _, until in asked]
        else:
            reads = [_signs.signs(r.steps, r.curves, u, r.settings) for r, _, u in asked]
            curves = [curve for curve, _ in Teller(others, names).tell(reads)]
        for (run, share, until), curve in zip(asked, curves, strict=True):
            yield compared(run, share, until, curve, by=watched)


def askings(
    runs: Sequence[Known], shares: Sequence[float] = SHARES
) -> list[tuple[Known, float, float]]:
    """Each run, a share, and the step at which it is asked for that share.

    Args:
        runs: Of one task, some of which generalised.
        shares: Shares of the steps to the event; a run that had none borrows that of another.
    """
    events = [k.time for k in runs if k.came]
    asked = []
    for i, run in enumerate(runs):
        for share in shares:
            until = share * (run.time if run.came else events[i % len(events)])
            if FIRST <= until < run.time and (run.steps <= until).any():
                asked.append((run, share, until))
    return asked


def compared(run: Known, share: float, until: float, curve: Array, *, by: float) -> Told:
    """What was told of a run, with what became of it.

    Args:
        run: The run, which is over.
        share: Share of the steps to the event at which it was told.
        until: The step at which it was told.
        curve: Log of the event's step over that one, at even shares, as it was told.
        by: Step by which its chance is asked: not its own last one, for runs may end at the event.
    """
    lo, mid, hi = np.quantile(curve, [0.05, 0.5, 0.95], method="inverted_cdf") / math.log(10)
    left = math.log(by / until)
    return Told(
        task=run.task,
        share=share,
        came=run.came,
        chance=float(np.searchsorted(curve, left, side="right") / len(curve)),
        log_time=math.log10(run.time / until),
        lo=float(lo),
        mid=float(mid),
        hi=float(hi),
    )


def scored(found: Sequence[Told]) -> HeldOut:
    """Scores of forecasts whose end is known."""
    came = np.array([t.came for t in found], bool)
    chance = np.array([t.chance for t in found])
    events = [t for t in found if t.came]
    auc = error = coverage = brier = math.nan
    if came.any() and not came.all():
        above = chance[came][:, None] - chance[~came]
        auc = float(((above > 0) + 0.5 * (above == 0)).mean())
    if events:
        error = float(np.median([abs(t.mid - t.log_time) for t in events]))
        coverage = float(np.mean([t.lo <= t.log_time <= t.hi for t in events]))
    if found:
        brier = float(((chance - came) ** 2).mean())
    return HeldOut(len(found), len(events), auc, error, coverage, brier)
