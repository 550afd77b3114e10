"""How parameters are counted: with embeddings or without, all or those that are active.

Source: Pearce & Song 2024, "Reconciling Kaplan and Chinchilla Scaling Laws".
"""

from __future__ import annotations

import numpy as np

from forescale.multiverse._analysis import Analysis, Ask, Axis, Change, Choice, Option
from forescale.quantities import N_CONVENTIONS, flops_6nd
from forescale.runs import RunTable


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """The counts that the table has beside N and that differ from it."""
    runs = at.runs
    if "N" not in at.law.inputs or "N" not in runs:
        return ()
    others = [c for c in N_CONVENTIONS if c != "N" and c in runs and _differs(runs, c)]
    if not others:
        return ()
    options = [Option(_said(runs, "N"), lambda analysis: analysis)]
    options += [Option(_said(runs, c), _counted(c)) for c in others]
    return (Axis("counting", "how parameters are counted", tuple(options)),)


def _differs(runs: RunTable, column: str) -> bool:
    if runs[column].dtype == object:
        return False
    other, n = np.asarray(runs[column], float), np.asarray(runs["N"], float)
    return bool((np.isfinite(other) & (other > 0)).all() and not np.allclose(other, n, rtol=1e-3))


def _said(runs: RunTable, column: str) -> str:
    return runs.names.get(column, column)


def _counted(column: str) -> Change:
    def change(analysis: Analysis) -> Analysis:
        runs = analysis.runs
        runs = runs.with_column("N", runs[column])
        if "C" in runs and "D" in runs:
            own = column == "N_nonembed" and "C_nonembed" in runs
            flops = runs["C_nonembed"] if own else flops_6nd(runs["N"], runs["D"])
            runs = runs.with_column("C", flops)
        return analysis.on(runs, cluster=analysis.cluster)

    return change


CHOICE = Choice(
    name="counting",
    what="how parameters are counted, where the table has several counts",
    source="Pearce & Song 2024, Reconciling Kaplan and Chinchilla Scaling Laws",
    turn=40,
    axes=axes,
)
