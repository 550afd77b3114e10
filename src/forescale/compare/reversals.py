"""Comparisons that turn around when runs are split: Simpson's paradox.

A method that was run mostly where the loss is low (an easy corpus, a short context) looks
better than it is. Runs of two methods are compared by how far they lie from one law for all,
once together and once within each value of a further column.

Source: Simpson 1951, "The Interpretation of Interaction in Contingency Tables"; Blyth 1972, "On
Simpson's Paradox and the Sure-Thing Principle".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import ForescaleError
from forescale.fit import Spec, fit_spec
from forescale.fit._build import groups_of
from forescale.quantities import short
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: Values a column may have to be a grouping, and runs of each method that a value needs.
MOST_VALUES, LEAST_RUNS = 12, 3
#: Standard errors beyond which a difference counts.
CLEAR = 2.0


@dataclass(frozen=True)
class Reversal:
    """A column within whose values the other method leads.

    Args:
        column: The column.
        leader: Who leads over all runs.
        inside: Who leads within its values.
        values: In how many of them, and how many could be compared.
    """

    column: str
    leader: str
    inside: str
    values: tuple[int, int]

    @property
    def text(self) -> str:
        """One line for the user."""
        some, all_ = self.values
        return (
            f"{self.leader} leads over all runs, but {self.inside} within {some} of {all_} values "
            f"of {short(self.column)}: compare within one of them, as with --where"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "column": self.column,
            "leader": self.leader,
            "leader_within": self.inside,
            "values": list(self.values),
        }


def reversals(
    runs: RunTable, spec: Spec, method: str, baseline: str, up: float
) -> tuple[Reversal, ...]:
    """Columns that turn the comparison of two methods around when held fixed.

    Args:
        runs: Runs of all methods.
        spec: The law, and the column of the methods.
        method: One method.
        baseline: The other.
        up: 1 where a larger output is further ahead, -1 where a smaller one is.
    """
    names, index = groups_of(runs, spec.by)
    rows = np.isin(index, [names.index(method), names.index(baseline)])
    table = runs.take(rows)
    second = index[rows] == names.index(method)
    known = {spec.by, *spec.law.inputs, spec.law.predicts}
    columns = [c for c in table.columns if c not in known and _groups(table, c, second)]
    if not columns:
        return ()
    try:
        # Law minus run: above zero where a run does better than the law of all, if less is
        # better.
        one = fit_spec(table, replace(spec, by=None, free=()))
    except ForescaleError:
        return ()
    better = -up * one.residuals
    pooled = _z(better, second)
    out = []
    for column in columns if abs(pooled) > CLEAR else ():
        parts = [part for part in _parts(table, column) if _comparable(second[part])]
        inside = np.array([_z(better[part], second[part]) for part in parts])
        against = int((inside * pooled < 0).sum())
        together = float(inside.sum() / np.sqrt(len(inside)))
        if against > len(inside) / 2 and together * pooled < 0 and abs(together) > CLEAR:
            leads = (method, baseline) if pooled > 0 else (baseline, method)
            out.append(Reversal(column, leads[0], leads[1], (against, len(inside))))
    return tuple(out)


def _parts(table: RunTable, column: str) -> list[NDArray[np.bool_]]:
    labels = np.array([str(v) for v in table[column]])
    return [labels == v for v in np.unique(labels)]


def _comparable(second: NDArray[np.bool_]) -> bool:
    return bool(min(second.sum(), (~second).sum()) >= LEAST_RUNS)


def _groups(table: RunTable, column: str, second: NDArray[np.bool_]) -> bool:
    """Whether a column splits the runs into few groups that hold both methods."""
    values = len({str(v) for v in table[column]})
    if not 2 <= values <= MOST_VALUES:
        return False
    return sum(_comparable(second[part]) for part in _parts(table, column)) >= 2


def _z(better: Array, second: NDArray[np.bool_]) -> float:
    """Difference of means in standard errors (Welch)."""
    a, b = better[second], better[~second]
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return float((a.mean() - b.mean()) / max(error, 1e-300))
