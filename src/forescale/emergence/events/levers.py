"""What brings generalisation sooner: factors on its step, from runs whose settings were drawn.

In the runs of the table `grok_runs` settings are independent of each other and of the task, so
that what goes with an earlier step also brings it. One accelerated failure model holds all tasks,
each with a pace of its own; runs that never generalised count as still waiting.

Source: Kalbfleisch & Prentice 2002, "The Statistical Analysis of Failure Time Data", chapter 7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.emergence.events import _accelerated
from forescale.emergence.events._told import Known
from forescale.emergence.events.grokking import NUMBERS, SWITCHES, recorded
from forescale.errors import BadTable, check_level
from forescale.quantities import format_number
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Factors on numbers whose effect is told.
CHANGES = {"examples": 1.25, "weight_decay": 2.0, "lr": 2.0, "init_scale": 0.5, "width": 2.0}
#: Penalty on half the squared effects, and fits to runs drawn anew.
RIDGE, DRAWS = 1.0, 100


@dataclass(frozen=True)
class Lever:
    """What one change of a setting does.

    Args:
        setting: Its name.
        change: The factor on it; 1 for what is switched on.
        factor: Factor on the step at which runs generalise: below 1 is sooner.
        lo: Lower end of the interval of the factor.
        hi: Upper end.
        agree: Tasks in which the change alone points the same way.
    """

    setting: str
    change: float
    factor: float
    lo: float
    hi: float
    agree: int

    @property
    def known(self) -> bool:
        """Whether the interval leaves no doubt of the direction."""
        return self.hi < 1 or self.lo > 1

    @property
    def said(self) -> str:
        """The change in words."""
        name = self.setting.replace("_", " ")
        if self.setting in SWITCHES:
            return f"with {name}"
        if self.change < 1:
            return f"{name} divided by {format_number(1 / self.change)}"
        return f"{name} times {format_number(self.change)}"


@dataclass(frozen=True)
class Levers(Summarised):
    """Changes of settings and what they do, the most helpful first.

    Args:
        levers: The changes.
        runs: Runs they rest on.
        events: Of them those that generalised.
        tasks: Their tasks.
        level: Level of the intervals.
    """

    levers: tuple[Lever, ...]
    runs: int
    events: int
    tasks: int
    level: float

    def __repr__(self) -> str:
        return f"Levers({self._said or 'none known'})"

    @property
    def _said(self) -> str:
        sooner = [v for v in self.levers if v.known and v.factor < 1]
        return ", ".join(f"{v.said}: {format_number(v.factor, 2)} times the steps" for v in sooner)

    def summary(self) -> str:
        """Every change, one line each."""
        lines = [
            f"what {self.runs} runs of {self.tasks} tasks say of the step at which runs "
            f"generalise, {self.events} of which did; level {self.level:g}"
        ]
        for v in self.levers:
            lo, mid, hi = (format_number(x, 2) for x in (v.lo, v.factor, v.hi))
            doubt = "" if v.known else "; the direction is not known"
            lines.append(
                f"  {v.said}: {mid} times the steps ({lo} to {hi}), the same way in {v.agree} of "
                f"{self.tasks} tasks{doubt}"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "schema": 1,
            "kind": "levers",
            **{k: getattr(self, k) for k in ("runs", "events", "tasks", "level")},
            "levers": [{**vars(v), "known": v.known} for v in self.levers],
        }


def levers(known: Sequence[Known] | None = None, *, level: float = 0.9, seed: int = 0) -> Levers:
    """What changes of settings do to the step at which runs generalise.

    Args:
        known: Runs that are over, with their settings; those of the table `grok_runs` if not
            told. What is drawn together with another setting is not told apart from it.
        level: Level of the intervals, from runs drawn anew within each task.
        seed: Seed of the draws.

    Raises:
        BadTable: If no run generalised, or no setting differs between runs.
        BadOption: If the level cannot be used.
    """
    check_level(level, "as in level=0.9")
    return _shipped(level, seed) if known is None else _levers(tuple(known), level, seed)


@cache
def _shipped(level: float, seed: int) -> Levers:
    return _levers(recorded(), level, seed)


def _levers(runs: tuple[Known, ...], level: float, seed: int) -> Levers:
    came = np.array([k.came for k in runs], bool)
    if not came.any():
        raise BadTable("no run generalised", where="known", fix="give some that did")
    x, names, beside = _read(runs)
    if not names:
        raise BadTable("no setting differs between runs", where="known", fix="vary some")
    logs = np.log([max(k.time, 1.0) for k in runs])
    tasks = np.array([k.task for k in runs])
    every = sorted(set(tasks))
    paces = (tasks[:, None] == np.array(every[1:])[None, :]).astype(float)
    steps = np.log([CHANGES.get(n, math.e) for n in names])

    def effects(rows: NDArray[np.int64], *nuisances: Array) -> Array:
        """Log factor of each change."""
        given = np.c_[x[rows], *(n[rows] for n in nuisances)]
        model = _accelerated.fit(given, logs[rows], came[rows], np.ones(len(rows)), ridge=RIDGE)
        return np.asarray((model.beta / model.spread)[: len(names)] * steps)

    rng = np.random.default_rng(seed)
    groups = [np.flatnonzero(tasks == t) for t in every]
    whole = effects(np.arange(len(runs)), beside, paces)
    drawn = np.array(
        [
            effects(np.concatenate([rng.choice(g, len(g)) for g in groups]), beside, paces)
            for _ in range(DRAWS)
        ]
    )
    tail = (1 - level) / 2
    lo, hi = np.quantile(drawn, [tail, 1 - tail], axis=0)
    alone = np.array([effects(g, beside) for g in groups if came[g].any()])
    agree = (np.sign(alone) == np.sign(whole)).sum(0)
    found = [
        Lever(
            setting=name,
            change=1.0 if name in SWITCHES else CHANGES[name],
            factor=math.exp(whole[i]),
            lo=math.exp(lo[i]),
            hi=math.exp(hi[i]),
            agree=int(agree[i]),
        )
        for i, name in enumerate(names)
    ]
    order = sorted(found, key=lambda v: (not v.known, v.factor))
    return Levers(tuple(order), len(runs), int(came.sum()), len(every), level)


def _read(runs: Sequence[Known]) -> tuple[Array, list[str], Array]:
    """What runs differ in, its names, and what goes beside it.

    Returns:
        Logs of numbers, and switches, shape (runs, settings); their names; and of numbers that
        are zero in some runs, whose log would be none, whether they are, shape (runs, zeros).
    """
    columns, names, zeros = [], [], []
    for name in (*NUMBERS, *SWITCHES):
        given = np.array([k.settings.get(name, math.nan) for k in runs], float)
        if name in NUMBERS:
            if (given == 0).any():
                zeros.append((given == 0).astype(float))
            # Those that have none say nothing of more of it.
            given = np.log(np.where(given > 0, given, math.nan))
        seen = given[np.isfinite(given)]
        if len(seen) > 1 and np.ptp(seen) > 0:
            columns.append(given)
            names.append(name)
    shape = len(runs), -1
    return np.array(columns).T.reshape(shape), names, np.array(zeros).T.reshape(shape)
