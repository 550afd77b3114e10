"""Runs of a log: where each stands, and what awaits it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from forescale.emergence.events.outlook import Outlook, Outlooks
from forescale.quantities import format_number, short
from forescale.report import _tables as tables
from forescale.report._headline import MOST, Headline, Number
from forescale.report._lines import draw, line, some, verdict
from forescale.report._section import Section, provenance
from forescale.report.faces import Face
from forescale.report.faces import _foretold as foretold
from forescale.report.faces import levers as sooner


def _text(found: Outlooks) -> RenderableType:
    read = ", ".join(f"{n} = {c}" for n, c in found.read.items())
    parts: list[RenderableType] = [line("log", found.source), line("read", read)]
    parts.append(draw(_table(found)))
    parts += [line("held out", held) for held in _held_out(found)]
    if found.levers is not None:
        parts.append(draw(sooner.table(found.levers)))
    return Group(*parts, Text(""), verdict(not found.doubts, _verdict(found), _reasons(found)))


def _verdict(found: Outlooks) -> str:
    done = sum(o.generalised is not None for o in found.runs)
    ahead = sum(o.forecast is not None for o in found.runs)
    return f"{done} of {len(found.runs)} runs have generalised, {ahead} are foretold"


def _reasons(found: Outlooks) -> list[str]:
    return some(found.doubts, "runs")


def _held_out(found: Outlooks) -> list[str]:
    return list(
        dict.fromkeys(str(o.forecast.held_out) for o in found.runs if o.forecast is not None)
    )


def _table(found: Outlooks) -> tables.Table:
    return tables.Table(
        ("run", "step", "train loss", "test loss", "memorised", "chance", "generalises at",
         "interval"),
        tuple(_row(o) for o in found.runs),
        left=frozenset({"run", "interval"}),
        title="Runs",
        note="Chance: of having generalised by the step up to which known runs were watched.",
    )  # fmt: skip


def _row(o: Outlook) -> tuple[str, ...]:
    first = (
        short(o.run),
        format_number(o.step),
        format_number(o.train_loss, 3),
        format_number(o.test_loss, 3),
        "" if o.memorised is None else format_number(o.memorised),
    )
    if o.generalised is not None:
        return (*first, "", format_number(o.generalised), "it did")
    if o.forecast is None:
        return (*first, "", "", o.why)
    f = o.forecast
    return (
        *first,
        f"{f.chance:.0%} by {format_number(f.by)}",
        foretold.median(f),
        foretold.within(f),
    )


def _headline(found: Outlooks) -> Headline:
    ahead = [o for o in found.runs if o.forecast is not None]
    badge, tone = ("Trusted", "good") if ahead and not found.doubts else (
        ("Not to be trusted", "bad") if found.doubts else ("Nothing ahead", "plain")
    )  # fmt: skip
    numbers = tuple(
        Number(short(o.run), row[6], row[7], f"chance {row[5]}")
        for o in ahead[:MOST]
        for row in (_row(o),)
    )
    return Headline(badge, tone, numbers, _verdict(found), tuple(_reasons(found)))


def _sections(found: Outlooks) -> list[Section]:
    facts = {"log": found.source, **{f"column of {n}": c for n, c in found.read.items()}}
    lines = tuple(foretold.sentence(held) for held in _held_out(found))
    parts = [Section("Runs", tables=(_table(found),), lines=lines)]
    if found.levers is not None:
        parts.append(Section("Sooner", tables=(sooner.table(found.levers),)))
    return [*parts, provenance(facts)]


FACE = Face(
    kind=Outlooks,
    text=_text,
    title="What awaits these runs",
    heading=lambda found: found.source,
    headline=_headline,
    sections=_sections,
)
