"""One way through the choices, and what the user asked of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forescale.errors import TooFewRuns
from forescale.fit import Fit, fit_spec, specify
from forescale.fit.objective import Objective
from forescale.laws import Law
from forescale.multiverse._quantity import Quantity
from forescale.runs import RunTable

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Estimator = Literal["law", "parabolas"]


class Absent(TooFewRuns):
    """A combination of variants that the table has no runs of."""


@dataclass(frozen=True, eq=False)
class Analysis:
    """Runs, law and objective: all that decides one number.

    Args:
        runs: The table, with what its columns mean settled.
        keep: Which of its rows are used, shape (n,).
        law: The law that is fitted.
        objective: What the fit minimises.
        weights: Weight of each row, shape (n,); None where all count alike.
        cluster: Which run each row is a point of, shape (n,); None where each is a run.
        estimator: Through the fitted law, or through iso-FLOP parabolas.
    """

    runs: RunTable
    keep: Mask
    law: Law
    objective: str | Objective = "huber"
    weights: Array | None = None
    cluster: NDArray[np.int64] | None = None
    estimator: Estimator = "law"

    def on(self, runs: RunTable, *, cluster: NDArray[np.int64] | None = None) -> Analysis:
        """The same analysis of another table, all of whose rows are used."""
        return replace(
            self, runs=runs, keep=np.ones(len(runs), bool), weights=None, cluster=cluster
        )

    def without(self, out: Mask) -> Analysis:
        """Without the rows of `out`, shape (n,).

        Raises:
            TooFewRuns: If none is left.
        """
        keep = self.keep & ~out
        if not keep.any():
            raise TooFewRuns("no run is left", where=self.runs.source)
        return replace(self, keep=keep)

    @property
    def rows(self) -> RunTable:
        """The rows that are used."""
        return self.runs if self.keep.all() else self.runs.take(self.keep)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for analyses that cannot differ in what they find."""
        rows = (self.runs.hash, self.keep.tobytes())
        if self.estimator == "parabolas":
            return ("parabolas", *rows)
        weights = None if self.weights is None else self.weights.tobytes()
        return (self.law.formula, str(self.objective), weights, *rows)


Change = Callable[[Analysis], Analysis]


@dataclass(frozen=True, eq=False)
class Ask:
    """What is asked of every universe, and which choices the user named.

    Args:
        quantity: The number every universe gives.
        vary: Columns whose values are variants to choose among.
        rows: Conditions on rows, each to hold or not.
        forms: Laws to choose among; empty for those worth trying on the table.
        objectives: Objectives to choose among.
        weights: Column of weights that is one option.
        seed: Seed of the fits.
    """

    quantity: Quantity
    vary: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    forms: tuple[str | Law, ...] = ()
    objectives: tuple[str, ...] = ()
    weights: str | None = None
    seed: int = 0
    _fits: dict[tuple[object, ...], Fit] = field(default_factory=dict, repr=False)

    def fitted(self, analysis: Analysis) -> Fit:
        """The fit of an analysis, searched for from nothing; each is made once."""
        if analysis.key not in self._fits:
            spec = specify(
                analysis.runs, analysis.law, objective=analysis.objective, seed=self.seed
            )
            self._fits[analysis.key] = fit_spec(analysis.rows, spec)
        return self._fits[analysis.key]


@dataclass(frozen=True)
class Option:
    """One way to choose.

    Args:
        name: What the user sees.
        change: From the analysis so far to the one with this choice made.
    """

    name: str
    change: Change


@dataclass(frozen=True)
class Axis:
    """A choice on one table: its options, the first of which is the default.

    Args:
        name: What the user sees.
        what: The question that is decided.
        options: The ways to answer it.
    """

    name: str
    what: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Choice:
    """A kind of choice: one file of `forescale.multiverse.choices`.

    Args:
        name: The word users type; the file's name.
        what: The question that is decided, one line.
        source: Who has shown that it matters.
        turn: When it is made: choices of rows come before what is fitted to them.
        axes: Its axes on a table, given the analysis in which all earlier choices have their
            defaults; none where the table leaves nothing to choose.
    """

    name: str
    what: str
    source: str
    turn: int
    axes: Callable[[Analysis, Ask], tuple[Axis, ...]]
