"""A multiverse as tables of words."""

from __future__ import annotations

import math

from forescale.multiverse import Checklist, Multiverse
from forescale.quantities import format_number, short
from forescale.report import _words as words
from forescale.report._tables import Table

#: Single changes shown on a screen; the page has all.
MOST_MOVES = 8


def choices(made: Multiverse) -> Table:
    """Each choice: its share of the variance, and how far its options lie apart."""
    decided = made.decision is not None
    return Table(
        head=("choice", "alone", "in all", "lowest mean", "at", "highest mean", "at ",
              *(("turns",) if decided else ())),
        rows=tuple(
            (
                short(d.name, 30),
                words.percent(100 * d.first),
                words.percent(100 * d.total),
                _value(made, d.means[d.ends[0]]),
                short(d.options[d.ends[0]], 40),
                _value(made, d.means[d.ends[1]]),
                short(d.options[d.ends[1]], 40),
                *((words.percent(100 * (d.flips or 0.0)),) if decided else ()),
            )
            for d in made.dimensions
        ),
        left=frozenset({"choice", "at", "at "}),
        title=f"Whose choice {made.name} is",
        note="Alone: share of the variance between universes that the choice explains by itself; "
        "in all: with its interactions, so that these add up to more than 100 %. Means: over all "
        "universes, freed of what the other choices do."
        + (f" Turns: chance that changing this choice alone turns {made.decision}."
           if decided else ""),
    )  # fmt: skip


def options(made: Multiverse) -> Table:
    """Every option of every choice with its mean."""
    decided = made.decision is not None
    return Table(
        head=("choice", "option", f"mean {made.name}", *(("yes",) if decided else ())),
        rows=tuple(
            (
                short(d.name, 30),
                short(option, 60) + (" (default)" if k == 0 else ""),
                _value(made, d.means[k]),
                *((words.percent(100 * d.yes[k]),) if d.yes is not None else ()),
            )
            for d in made.dimensions
            for k, option in enumerate(d.options)
        ),
        left=frozenset({"choice", "option"}),
        title=f"Mean {made.name} at each option",
    )


def moves(made: Multiverse) -> Table | None:
    """The default with one choice changed."""
    if not made.moves:
        return None
    decided = made.decision is not None
    return Table(
        head=("changed", "to", made.name, "by", *(("turns",) if decided else ())),
        rows=tuple(
            (
                short(m.choice, 30),
                short(m.option, 60),
                _value(made, m.value),
                _change(made, m.value),
                *(("yes" if m.flips else "",) if decided else ()),
            )
            for m in made.moves
        ),
        left=frozenset({"changed", "to", "turns"}),
        title="One choice changed from the default",
        note=f"By default {made.name} = {made.default_text()}.",
    )


def checklist(made: Checklist) -> Table:
    """The questions a reader has, with their answers."""
    return Table(
        head=("about", "question", "answer"),
        rows=tuple((i.part, i.question, short(i.answer, 300)) for i in made.items),
        left=frozenset({"about", "question", "answer"}),
        title="What a reader should be told",
        note="Of the default analysis. Questions after (Mis)Fitting (Li et al. 2025).",
    )


def _value(made: Multiverse, x: float) -> str:
    if not math.isfinite(x):
        return "-"
    # Digits that the spread over the universes leaves meaning to, and one more.
    width = made.between * (abs(x) if made.factors else 1.0)
    return words.rounded(x, width)


def _change(made: Multiverse, x: float) -> str:
    if not math.isfinite(x):
        return "gave no number"
    if made.factors:
        return f"{format_number(x / made.default, 3)}x"
    return f"{x - made.default:+.2g}"
