"""Which settings lead to which end of a run."""

from __future__ import annotations

from rich.console import Group, RenderableType

from forescale.emergence.events.phases import PHASES, PhaseMap
from forescale.quantities import format_number
from forescale.report import _tables as tables
from forescale.report._headline import Headline, Number
from forescale.report._lines import draw, line
from forescale.report._section import Section, provenance, there
from forescale.report.charts import phases as charts
from forescale.report.faces import Face


def _text(found: PhaseMap) -> RenderableType:
    known = f"in {found.known:.0%} of the space one phase has a chance of 0.8 or more"
    return Group(line("over", _ranges(found)), draw(_table(found)), line("known", known))


def _ranges(found: PhaseMap) -> str:
    return "; ".join(
        f"{a.name.replace('_', ' ')} {format_number(a.low)} to {format_number(a.high)}"
        for a in found.axes
    )


def _table(found: PhaseMap) -> tables.Table:
    seen = [p for p in PHASES if p in found.counts]
    return tables.Table(
        ("phase", "runs", "of the space"),
        tuple((p, str(found.counts[p]), f"{found.shares[p]:.0%}") for p in seen),
        left=frozenset({"phase"}),
        title="Phases",
        note="Shares of the space weigh every place by the chance of the phase there.",
    )


def _headline(found: PhaseMap) -> Headline:
    seen = sorted(found.counts, key=lambda p: -found.shares[p])
    numbers = tuple(
        Number(p, f"{found.shares[p]:.0%}", "of the space", f"{found.counts[p]} runs") for p in seen
    )
    return Headline(f"{len(found.phases)} runs", "plain", numbers, _ranges(found))


def _sections(found: PhaseMap) -> list[Section]:
    return [
        Section("The map", charts=there(charts.phases(found)), tables=(_table(found),)),
        provenance({"over": _ranges(found), "runs": str(len(found.phases))}),
    ]


FACE = Face(
    kind=PhaseMap,
    text=_text,
    title="Phase map",
    heading=_ranges,
    headline=_headline,
    sections=_sections,
)
