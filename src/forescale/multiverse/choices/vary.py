"""Which variant of the experiment: the values of a column the user names.

Source: Porian et al. 2024, "Resolving Discrepancies in Compute-Optimal Scaling of Language
Models", whose variants of counting, warmup and tuning move the exponent from 0.88 to 0.5.
"""

from __future__ import annotations

import numpy as np

from forescale.errors import BadOption
from forescale.fit._build import groups_of
from forescale.multiverse._analysis import Absent, Analysis, Ask, Axis, Change, Choice, Option
from forescale.quantities import short

#: Values of a column beyond which it is no list of variants.
MOST = 64


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """One axis per column named; the combination with the most runs is the default."""
    columns = tuple(at.runs.key(column) for column in ask.vary)
    found = [(column, *groups_of(at.runs, column)) for column in columns]
    for column, names, _ in found:
        if column in (*at.law.inputs, at.law.predicts):
            raise BadOption(
                f"column '{short(column)}' is what the law reads, not a variant",
                where="--vary",
                fix="vary a column such as the data set or the optimizer",
            )
        if len(names) > MOST:
            raise BadOption(
                f"column '{short(column)}' holds {len(names)} values",
                where=at.runs.source,
                fix=f"vary a column of at most {MOST} variants",
            )
    if not found:
        return ()
    _, first, count = np.unique(
        np.stack([group for *_, group in found]), axis=1, return_index=True, return_counts=True
    )
    usual = int(first[int(np.argmax(count))])
    return tuple(_axis(column, names, int(group[usual])) for column, names, group in found)


def _axis(column: str, names: tuple[str, ...], usual: int) -> Axis:
    order = [usual, *(k for k in range(len(names)) if k != usual)]
    return Axis(
        name=column,
        what=f"which {short(column)}",
        options=tuple(Option(names[k], _only(column, names[k])) for k in order),
    )


def _only(column: str, name: str) -> Change:
    def change(analysis: Analysis) -> Analysis:
        names, group = groups_of(analysis.runs, column)
        if name not in names:
            raise Absent(f"there are no runs with {short(column)} = {short(name)} here")
        rows = group == names.index(name)
        return analysis.on(analysis.runs if rows.all() else analysis.runs.take(rows))

    return change


CHOICE = Choice(
    name="vary",
    what="which variant of the experiment (columns named with --vary)",
    source="Porian et al. 2024, Resolving Discrepancies in Compute-Optimal Scaling of Language "
    "Models",
    turn=10,
    axes=axes,
)
