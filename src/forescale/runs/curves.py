"""Several rows per run: finding the curves in a table and picking one point of each.

An intermediate loss is not a final loss (the learning rate has not decayed yet), so a table
of curves is cut to the ends of its runs unless the user says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.quantities import N_CONVENTIONS, short
from forescale.runs.headers import is_loss_variant
from forescale.runs.table import RunTable

_FINAL_MARKS = ("is_final", "final", "is_last")
# What changes along a run, so that it cannot say which run a row belongs to.
_MEASURED = re.compile(
    r"loss|acc|score|ppl|perplex|bpb|grad|norm|time|error|mfu|tps|throughput|speed|wall|"
    r"^lr$|learning|epoch|entropy|^_|memory|final",
    re.IGNORECASE,
)
_MOVING = {"L", "D", "C", "C_nonembed", "step", "epochs", "lr", "score", "n", "tokens_per_param"}


@dataclass(frozen=True)
class Curves:
    """Which row belongs to which run, and where along it.

    Args:
        run: Index of the run of each row, shape (n,), in order of first appearance.
        position: Step, tokens or row order, shape (n,); larger is later.
        axis: Name of the position, for messages.
    """

    run: NDArray[np.int64]
    position: NDArray[np.float64]
    axis: str

    @property
    def count(self) -> int:
        """How many runs there are."""
        return int(self.run.max()) + 1 if len(self.run) else 0


def codes(*columns: NDArray[Any]) -> NDArray[np.int64]:
    """Group index of each row, shape (n,), equal where all columns are equal; NaN equals NaN."""
    total = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        if column.dtype == object:
            known: dict[Any, int] = {}
            one = np.array([known.setdefault(c, len(known)) for c in column], dtype=np.int64)
        else:
            one = np.unique(column, return_inverse=True)[1].astype(np.int64)
        total = np.unique(total * (int(one.max(initial=0)) + 1) + one, return_inverse=True)[1]
    first = np.unique(total, return_index=True)[1]
    order = np.empty(len(first), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(first))
    return order[total]


def find_curves(table: RunTable) -> Curves | None:
    """The curves in a table, or None if each run has one row.

    Rows belong together by the `run` column (with the text columns, where run numbers start
    again in each group), or without one by all settings while `step` varies.
    """
    axis = next(
        (
            name
            for name in ("step", "D", "epoch", "epochs")
            if name in table.columns and table.columns[name].dtype != object
        ),
        None,
    )
    if len(table) < 2 or axis is None:
        return None
    position = table.columns[axis]
    labels = [
        c
        for name, c in table.columns.items()
        if c.dtype == object and name != "run" and not _MEASURED.search(name)
    ]
    if "run" in table.columns:
        run = codes(table.columns["run"])
        if _repeats(run, position) and labels:
            run = codes(table.columns["run"], *labels)
    elif axis in ("step", "epoch"):
        run = _by_settings(table, position, labels)
    else:
        return None  # tokens alone: rows that differ in tokens are different runs
    found = Curves(run, np.where(np.isnan(position), -np.inf, position), axis)
    repeats = _repeats(run, position)
    moves = len(table) - repeats > found.count  # some run is seen at two positions
    return found if moves and repeats <= len(table) / 2 else None


def _by_settings(
    table: RunTable, position: NDArray[np.float64], labels: list[NDArray[Any]]
) -> NDArray[np.int64]:
    """Runs told apart by their settings; each row its own where that finds no curves."""
    counts = [table.columns[name] for name in N_CONVENTIONS if name in table.columns]
    settled = [*labels, *counts]
    whole = codes(*settled) if settled else np.zeros(len(table), dtype=np.int64)
    if not whole.any() and (np.diff(position) >= 0).all():
        return whole  # the log of one run: steps only grow
    settings = [c for name, c in table.columns.items() if _is_setting(name, c)]
    run = codes(*settings, *labels) if settings or labels else whole
    # Chance agreement of a few rows is no curve: most runs must have several points.
    return run if np.median(np.bincount(run)) >= 3 else np.arange(len(table))


def _is_setting(name: str, column: NDArray[Any]) -> bool:
    if column.dtype == object or name in _MOVING:
        return False
    return name in {*N_CONVENTIONS, "U", "S", "batch", "seed"} or not (
        _MEASURED.search(name) or is_loss_variant(name)
    )


def _repeats(run: NDArray[np.int64], position: NDArray[np.float64]) -> int:
    """How many rows share run and position with another: replicates, not a curve."""
    return len(run) - len(np.unique(codes(run.astype(np.float64), position)))


def pick_rows(table: RunTable, pick: str | None) -> RunTable:
    """One point of each curve.

    Args:
        table: Any run table; one without curves comes back as it is.
        pick: "final" (largest step of each run, or rows marked `is_final`), "best" (lowest
            loss), "last:k" (the final row with the mean loss of the last k), "all"; None
            takes the final rows of a table of curves.

    Raises:
        BadOption: If `pick` is none of these.
    """
    k = _last(pick)
    if pick == "all" or (pick is None and "L" not in table.columns):
        return table
    curves = find_curves(table)
    if curves is None:
        return (
            table
            if pick in (None, "final")
            else table.noted(f"every run has one row, so pick '{pick}' changed nothing")
        )
    if pick == "best":
        rows = _best(table, curves)
        note = f"picked the lowest loss of {curves.count} runs; it favours noisy runs"
        return table.take(rows, note=note)
    rows, marked = _final(table, curves)
    note = f"{len(table)} rows are points of {curves.count} runs; " + (
        "kept the rows marked final"
        if marked
        else f"kept the last {curves.axis} of each, because losses on the way are not final "
        "losses (--pick all keeps every point)"
    )
    if k is None:
        return table.take(rows, note=note)
    return _averaged(table, curves, rows, k)


def _last(pick: str | None) -> int | None:
    if pick in (None, "final", "best", "all"):
        return None
    match = re.fullmatch(r"last:(\d{1,6})", str(pick))
    if match is None or int(match[1]) < 1:
        raise BadOption(
            f"'{short(pick)}' picks nothing",
            where="pick",
            fix="choose final, best, last:k (such as last:5) or all",
        )
    return int(match[1])


def _loss(table: RunTable) -> NDArray[np.float64]:
    if "L" in table.columns and table.columns["L"].dtype != object:
        return table.columns["L"]
    return np.zeros(len(table))


def _runs(curves: Curves) -> list[NDArray[np.int64]]:
    """Row indices of each run, in order of position."""
    order = np.lexsort((curves.position, curves.run))
    cuts = np.flatnonzero(np.diff(curves.run[order])) + 1
    return list(np.split(order, cuts))


def _final(table: RunTable, curves: Curves) -> tuple[NDArray[np.int64], bool]:
    """Index of the last row of each run, and whether the table itself marks them."""
    mark = next((m for m in _FINAL_MARKS if m in table.columns), None)
    if mark is not None and table.columns[mark].dtype != object:
        marked = np.flatnonzero(table.columns[mark] == 1)
        if len(marked):
            return marked, True
    loss = _loss(table)
    rows = []
    for points in _runs(curves):
        finite = np.isfinite(loss[points])
        # Gaps among finite losses mean that loss is logged now and then: take the last one
        # logged. A tail of nothing but NaN after a whole curve is a run that diverged, and
        # its last good point must not pass for a final loss.
        last_finite = np.flatnonzero(finite)[-1] if finite.any() else -1
        sparse = last_finite >= 0 and not finite[: last_finite + 1].all()
        end = points[last_finite] if sparse else points[-1]
        # Several rows at the end are replicates; all of them are final.
        ties = points[curves.position[points] == curves.position[end]]
        rows.extend(ties[np.isfinite(loss[ties])] if sparse else ties)
    return np.sort(np.array(rows, dtype=np.int64)), False


def _best(table: RunTable, curves: Curves) -> NDArray[np.int64]:
    loss = np.where(np.isfinite(_loss(table)), _loss(table), np.inf)
    return np.sort(np.array([points[np.argmin(loss[points])] for points in _runs(curves)]))


def _averaged(table: RunTable, curves: Curves, rows: NDArray[np.int64], k: int) -> RunTable:
    if "L" not in table.columns:
        raise BadOption(
            f"there is no loss to average over the last {k}",
            where="pick",
            fix="name it with --map loss=COLUMN",
        )
    loss = _loss(table).copy()
    short_runs = 0
    by_run = dict(zip(curves.run[rows].tolist(), rows.tolist(), strict=False))
    for points in _runs(curves):
        end = by_run.get(int(curves.run[points[0]]))
        if end is None:
            continue
        upto = points[curves.position[points] <= curves.position[end]]
        finite = upto[np.isfinite(loss[upto])]
        if np.isfinite(loss[end]) and len(finite):
            short_runs += len(finite) < k
            loss[end] = _loss(table)[finite[-k:]].mean()
    note = f"L is the mean of the last {k} points of each of {curves.count} runs"
    if short_runs:
        note += f" ({short_runs} runs have fewer)"
    changed = table.with_column("L", loss, unit=table.units.get("L", ""))
    return replace(changed, names=table.names).take(rows, note=note)
