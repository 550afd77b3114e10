"""Which points of each run: its end, its second half, or all that were logged.

Losses on the way are not final losses, for the learning rate has not decayed yet; yet many
published laws are fitted to them.

Source: Li et al. 2025, "(Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep
Learning".
"""

from __future__ import annotations

import numpy as np

from forescale.multiverse._analysis import Analysis, Ask, Axis, Change, Choice, Option
from forescale.runs.curves import find_curves, pick_rows


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """Final points, those of each run's second half, or all; none where runs have one point."""
    if find_curves(at.runs) is None:
        return ()
    options = (Option("final", final), Option("second half", _since(0.5)), Option("all", _since(0)))
    return (Axis("checkpoints", "which points of each run", options),)


def final(analysis: Analysis) -> Analysis:
    """The last point of each run."""
    if find_curves(analysis.runs) is None:
        return analysis
    return analysis.on(pick_rows(analysis.runs, "final"))


def _since(share: float) -> Change:
    def change(analysis: Analysis) -> Analysis:
        curves = find_curves(analysis.runs)
        if curves is None:
            return analysis
        end = np.zeros(curves.count)
        np.maximum.at(end, curves.run, np.where(np.isfinite(curves.position), curves.position, 0))
        loss = np.asarray(analysis.runs["L"], float) if "L" in analysis.runs else curves.position
        keep = (curves.position >= share * end[curves.run]) & np.isfinite(loss)
        run = np.unique(curves.run[keep], return_inverse=True)[1].astype(np.int64)
        return analysis.on(analysis.runs.take(keep), cluster=run)

    return change


CHOICE = Choice(
    name="checkpoints",
    what="which points of each run: final, second half, all",
    source="Li et al. 2025, (Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep "
    "Learning",
    turn=30,
    axes=axes,
)
