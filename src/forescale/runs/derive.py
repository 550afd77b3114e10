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
    have = {name for name in ("N", "D", "C") if name in table.columns
            and table.columns[name].dtype != object}
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if "C" not in table.columns and "D" in have and ("N" in have or "N_active" in table):
            params = "N_active" if "N_active" in table.columns else "N"
            return _with(table, "C", flops_6nd(table.columns[params], table.columns["D"]),
                         f"C = 6 {params} D (flops_rule: 6ND)")
        if "D" not in table.columns and {"N", "C"} <= have:
            return _with(table, "D", table.columns["C"] / (6.0 * table.columns["N"]),
                         "D = C/(6N), because the table has no tokens (flops_rule: 6ND)")
        if "N" not in table.columns and {"D", "C"} <= have and "N_total" not in table.columns:
            return _with(table, "N", table.columns["C"] / (6.0 * table.columns["D"]),
                         "N = C/(6D), because the table has no params (flops_rule: 6ND)")
    return table


def _with(table: RunTable, name: str, values: np.ndarray, note: str) -> RunTable:
    finite = np.where(np.isfinite(values), values, np.nan)
    # Derived content adds nothing to what the hash already names.
    return replace(table.with_column(name, finite, note=note), hash=table.hash)
