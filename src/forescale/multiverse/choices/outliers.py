"""Whether outliers are dropped: none, those far from the law, or those the table marks.

Source: Besiroglu et al. 2024, "Chinchilla Scaling: A replication attempt".
"""

from __future__ import annotations

import numpy as np

from forescale.multiverse._analysis import Analysis, Ask, Axis, Choice, Mask, Option
from forescale.multiverse._engine import warm

#: Noise scales from the law at which a run is an outlier.
FAR = 4.0
#: Columns in which a table marks its own.
_MARKS = ("outlier", "is_outlier")


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """Keep all, drop those far from the default law, or those marked."""
    law = at.law
    known: dict[str, Mask] = {}

    def far(analysis: Analysis) -> Analysis:
        # An outlier is one among all runs of its table, whichever of them are then used.
        if analysis.runs.hash not in known:
            found = warm(analysis.runs, law, like=ask.fitted(at), seed=ask.seed)
            r = np.abs(found.problem.residuals(found.theta[None])[0])
            known[analysis.runs.hash] = r > FAR * found.problem.rho.sigma
        return analysis.without(known[analysis.runs.hash])

    options = [
        Option("kept", lambda analysis: analysis),
        Option(f"beyond {FAR:g} sigma dropped", far),
    ]
    mark = next((m for m in _MARKS if m in at.runs and at.runs[m].dtype != object), None)
    if mark is not None:
        options.append(Option(f"marked {mark} dropped", lambda analysis: _marked(analysis, mark)))
    return (Axis("outliers", "which outliers are dropped", tuple(options)),)


def _marked(analysis: Analysis, mark: str) -> Analysis:
    return analysis.without(np.asarray(analysis.runs[mark], float) == 1)


CHOICE = Choice(
    name="outliers",
    what="whether outliers are dropped: none, beyond 4 sigma of the law, those marked",
    source="Besiroglu et al. 2024, Chinchilla Scaling: A replication attempt",
    turn=60,
    axes=axes,
)
