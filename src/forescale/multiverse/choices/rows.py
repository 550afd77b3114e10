"""Whether a condition on the rows must hold: any rule of selection the user can write down.

Source: Besiroglu et al. 2024, "Chinchilla Scaling: A replication attempt", which drops five of
245 runs.
"""

from __future__ import annotations

from forescale.multiverse._analysis import Analysis, Ask, Axis, Choice, Option
from forescale.quantities import short
from forescale.runs.where import choose_rows


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """One axis per condition: all runs, or those for which it holds."""
    found = []
    for condition in ask.rows:
        choose_rows(at.runs, condition)

        def change(analysis: Analysis, condition: str = condition) -> Analysis:
            chosen = choose_rows(analysis.runs, condition)
            return analysis.on(chosen)

        found.append(
            Axis(
                name=short(condition, 40),
                what=f"only rows where {short(condition, 60)}",
                options=(Option("all runs", _same), Option("where it holds", change)),
            )
        )
    return tuple(found)


def _same(analysis: Analysis) -> Analysis:
    return analysis


CHOICE = Choice(
    name="rows",
    what="whether conditions on the rows must hold (--rows)",
    source="Besiroglu et al. 2024, Chinchilla Scaling: A replication attempt",
    turn=20,
    axes=axes,
)
