"""How much each run counts: all alike, large ones more, or as a column says.

Source: Li et al. 2025, "(Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep
Learning".
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forescale.multiverse._analysis import Analysis, Array, Ask, Axis, Choice, Option
from forescale.runs import scale_order


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """Equal weights, weights as the root of compute, and those of a column."""
    options = [
        Option("equal", lambda analysis: analysis),
        # Two decades of compute are then a factor of ten in weight: much, but no rule of few.
        Option("root of compute", lambda analysis: _weighted(analysis, scale_order(analysis.runs))),
    ]
    if ask.weights is not None:
        column = at.runs.key(ask.weights)
        options.append(
            Option(
                f"column {column}",
                lambda analysis: replace(
                    analysis, weights=np.asarray(analysis.runs[column], float)
                ),
            )
        )
    return (Axis("weights", "how much each run counts", tuple(options)),)


def _weighted(analysis: Analysis, scale: Array) -> Analysis:
    return replace(analysis, weights=np.sqrt(scale / scale.max()))


CHOICE = Choice(
    name="weights",
    what="how much each run counts: equal, root of compute, a column",
    source="Li et al. 2025, (Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep "
    "Learning",
    turn=70,
    axes=axes,
)
