"""Changes of settings, and what they do to the step at which runs generalise."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from forescale.emergence.events.levers import Lever, Levers
from forescale.quantities import format_number
from forescale.report import _tables as tables
from forescale.report._headline import Headline, Number
from forescale.report._lines import draw, line
from forescale.report._section import Section
from forescale.report.faces import Face


def table(found: Levers) -> tables.Table:
    """The changes, the most helpful first."""
    return tables.Table(
        ("change", "times the steps", f"{found.level:.0%} interval", "same way in"),
        tuple(_row(v, found.tasks) for v in found.levers),
        left=frozenset({"change"}),
        title="What brings it sooner",
        note=f"Factors on the step at which runs generalise: {found.runs} runs of {found.tasks} "
        f"tasks, {found.events} of which did. Below 1 is sooner.",
    )


def _row(v: Lever, tasks: int) -> tuple[str, ...]:
    lo, mid, hi = (format_number(x, 2) for x in (v.lo, v.factor, v.hi))
    return (
        v.said,
        mid if v.known else "not known",
        f"{lo} to {hi}",
        f"{v.agree} of {tasks} tasks",
    )


def _text(found: Levers) -> RenderableType:
    return Group(draw(table(found)), Text(""), line("sooner", _best(found)))


def _best(found: Levers) -> str:
    sooner = [v for v in found.levers if v.known and v.factor < 1]
    if not sooner:
        return "no change that is known to be"
    return "; ".join(f"{v.said}, {format_number(v.factor, 2)} times the steps" for v in sooner)


def _headline(found: Levers) -> Headline:
    numbers = tuple(
        Number(v.said, f"{format_number(v.factor, 2)}x", "the steps")
        for v in found.levers[:3]
        if v.known
    )
    return Headline("Sooner", "plain", numbers, _best(found))


def _sections(found: Levers) -> list[Section]:
    return [Section("Changes", tables=(table(found),))]


FACE = Face(
    kind=Levers,
    text=_text,
    title="What brings generalisation sooner",
    heading=lambda found: f"{found.runs} runs of {found.tasks} tasks",
    headline=_headline,
    sections=_sections,
)
