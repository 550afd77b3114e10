"""Selections that fits and plans start from: compute frontier, iso-FLOP groups, order of scale."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption, BadTable
from forescale.quantities import flops_6nd
from forescale.runs.table import RunTable

_SINGLE = ("n", "D", "N", "U", "S", "step")


def scale_name(runs: RunTable) -> str:
    """How the scale of a run is measured here: "C", "6ND", or the one scale column.

    Raises:
        BadTable: If the table has no scale at all.
    """

    def numeric(name: str) -> bool:
        return name in runs.columns and runs.columns[name].dtype != object

    if numeric("C"):
        return "C"
    if numeric("N") and numeric("D"):
        return "6ND"
    found = next((name for name in _SINGLE if numeric(name)), None)
    if found is None:
        raise BadTable(
            "no column tells the scale of a run",
            where=runs.source,
            fix="name one with --map flops=COLUMN, params=COLUMN or tokens=COLUMN",
        )
    return found


def compute(runs: RunTable) -> NDArray[np.float64]:
    """Compute of each run in FLOPs, shape (n,): C, else 6ND, else the one scale column.

    Raises:
        BadTable: If the table has no scale at all.
    """
    name = scale_name(runs)
    if name == "6ND":
        return np.asarray(flops_6nd(runs.columns["N"], runs.columns["D"]))
    return np.asarray(runs.columns[name])


def scale_order(runs: RunTable) -> NDArray[np.float64]:
    """The values by which runs are ordered and held out, shape (n,); larger is bigger.

    C where there is any, else N times the examples, else the one scale column.

    Raises:
        BadTable: If the table has no scale at all.
    """
    name = scale_name(runs)
    if name == "n" and "N" in runs.columns and runs.columns["N"].dtype != object:
        return np.asarray(runs.columns["N"] * runs.columns["n"])
    return compute(runs)


def frontier(runs: RunTable) -> RunTable:
    """The runs no other run beats with as little compute, in order of compute.

    Each has a lower loss than every cheaper run; of equals the first row stays.

    Raises:
        BadTable: If there is no loss or no scale.
    """
    if "L" not in runs.columns or runs.columns["L"].dtype == object:
        raise BadTable(
            "there is no loss to take a frontier of",
            where=runs.source,
            fix="name it with --map loss=COLUMN",
        )
    scale, loss = compute(runs), runs.columns["L"]
    usable = np.flatnonzero(np.isfinite(scale) & np.isfinite(loss))
    order = usable[np.lexsort((loss[usable], scale[usable]))]
    lowest_before = np.concatenate(([np.inf], np.minimum.accumulate(loss[order])[:-1]))
    best = order[loss[order] < lowest_before] if len(order) else order
    return runs.take(best, note=f"frontier: {len(best)} of {len(runs)} runs")


def isoflop_groups(runs: RunTable, tol: float = 0.1) -> NDArray[np.int64]:
    """Group of each run by compute budget, shape (n,): 0 is the smallest, -1 has no compute.

    A new group begins where sorted compute jumps by more than a factor 1 + tol, so budgets
    must lie farther apart than the spread within one.

    Raises:
        BadOption: If `tol` is not above zero.
        BadTable: If the table has no scale.
    """
    if not tol > 0:
        raise BadOption(
            f"the tolerance {tol:g} is not above zero",
            where="isoflop_groups",
            fix="give the relative spread of one budget, such as 0.1",
        )
    scale = compute(runs)
    groups = np.full(len(runs), -1, dtype=np.int64)
    usable = np.flatnonzero(np.isfinite(scale) & (scale > 0))
    order = usable[np.argsort(scale[usable], kind="stable")]
    jumps = np.diff(np.log(scale[order])) > np.log1p(tol)
    groups[order] = np.concatenate(([0], np.cumsum(jumps))) if len(order) else 0
    return groups
