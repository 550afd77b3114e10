"""The third of N, D and C from the other two, by C = 6ND."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forescale.quantities import flops_6nd
from forescale.runs.table import RunTable


def derived(table: RunTable) -> RunTable:
    """With C = 6ND, D = C/6N or N = C/6D where exactly one is missing; noted, never over data.

    For mixtures of experts C uses the active parameters, the ones that compute.
    """
    have = {name for name in ("N", "D", "C", "N_active", "N_total") if _has(table, name)}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if "C" not in have and "D" in have and have & {"N", "N_active"}:
            params = "N_active" if "N_active" in have else "N"
            return _with(
                table,
                "C",
                flops_6nd(table.columns[params], table.columns["D"]),
                f"C = 6 {params} D (flops_rule: 6ND)",
            )
        if "D" not in have and {"N", "C"} <= have:
            return _with(
                table,
                "D",
                table.columns["C"] / (6.0 * table.columns["N"]),
                "D = C/(6N), because the table has no tokens (flops_rule: 6ND)",
            )
        if {"D", "C"} <= have and not have & {"N", "N_total", "N_active"}:
            return _with(
                table,
                "N",
                table.columns["C"] / (6.0 * table.columns["D"]),
                "N = C/(6D), because the table has no params (flops_rule: 6ND)",
            )
    return table


def _has(table: RunTable, name: str) -> bool:
    """Whether the table holds any value of a quantity; an empty column holds none."""
    values = table.columns.get(name)
    return values is not None and values.dtype != object and not bool(np.isnan(values).all())


def _with(table: RunTable, name: str, values: np.ndarray, note: str) -> RunTable:
    finite = np.where(np.isfinite(values), values, np.nan)
    # Derived content adds nothing to what the hash already names.
    return replace(table.with_column(name, finite, note=note), hash=table.hash)
