"""Through which estimator: the fitted law, or parabolas at each compute budget.

A law's form and objective do not touch the parabolas: there an option of theirs repeats the
number.

Source: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", approaches 2
and 3.
"""

from __future__ import annotations

from dataclasses import replace

from forescale.errors import ForescaleError
from forescale.multiverse._analysis import Analysis, Ask, Axis, Choice, Option


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """Law and parabolas, where the default runs hold enough budgets."""
    try:
        ask.quantity.of_runs(at.rows, 0.9)
    except ForescaleError:
        return ()
    options = (
        Option("law", lambda analysis: analysis),
        Option("parabolas", lambda analysis: replace(analysis, estimator="parabolas")),
    )
    return (Axis("estimator", "through the fitted law, or through parabolas", options),)


CHOICE = Choice(
    name="estimator",
    what="through the fitted law or through iso-FLOP parabolas",
    source="Hoffmann et al. 2022, Training Compute-Optimal Large Language Models",
    turn=100,
    axes=axes,
)
