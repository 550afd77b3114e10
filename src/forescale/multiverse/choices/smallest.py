"""Whether the smallest runs are dropped: they may lie before the law begins.

Source: Li et al. 2025, "(Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep
Learning".
"""

from __future__ import annotations

import numpy as np

from forescale.multiverse._analysis import Analysis, Ask, Axis, Change, Choice, Option
from forescale.runs import scale_order

SHARES = (0.0, 0.1, 0.25)
#: Different scales below which there are no smallest to drop.
LEAST_SCALES = 5


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """All runs, or without about the smallest tenth or quarter by compute."""
    if len(np.unique(scale_order(at.runs))) < LEAST_SCALES:
        return ()
    names = ("kept", *(f"{100 * s:.0f} % dropped" for s in SHARES[1:]))
    options = tuple(Option(n, _without(s)) for n, s in zip(names, SHARES, strict=True))
    return (Axis("smallest", "which of the smallest runs are dropped", options),)


def _without(share: float) -> Change:
    def change(analysis: Analysis) -> Analysis:
        if share == 0:
            return analysis
        scale = scale_order(analysis.runs)
        # Runs of one budget go or stay together, whatever their rounding.
        limit = np.quantile(scale[analysis.keep], share) * (1 - 1e-9)
        return analysis.without(scale < limit)

    return change


CHOICE = Choice(
    name="smallest",
    what="whether the smallest runs are dropped: none, 10 %, 25 %",
    source="Li et al. 2025, (Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep "
    "Learning",
    turn=50,
    axes=axes,
)
