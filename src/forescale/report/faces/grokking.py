"""A run that was watched for generalisation: what happened, and what was foretold."""

from __future__ import annotations

import math

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from forescale.emergence.events.grokking import GrokForecast
from forescale.emergence.events.story import GrokStory
from forescale.quantities import format_number
from forescale.report import _tables as tables
from forescale.report._headline import Headline, Number
from forescale.report._lines import draw, line
from forescale.report._section import Section, provenance
from forescale.report.charts import grokking as charts
from forescale.report.faces import Face
from forescale.report.faces import _foretold as foretold
from forescale.report.faces import levers as sooner

_KEPT = {True: "inside", False: "outside", None: "open"}
#: Points of the curve that are printed.
SHOWN = 12
_COLUMNS = {
    "step": "step",
    "train_loss": "train loss",
    "test_loss": "test loss",
    "train_accuracy": "train right",
    "test_accuracy": "test right",
    "restricted_loss": "restricted",
    "excluded_loss": "excluded",
}


def _text(story: GrokStory) -> RenderableType:
    parts: list[RenderableType] = [line("run", f"{story.name}; {_settings(story)}")]
    parts.append(draw(_curve(story)))
    if story.forecasts:
        parts.append(draw(_forecasts(story)))
        parts.append(line("held out", str(story.forecasts[-1].held_out)))
    if story.levers is not None:
        parts.append(draw(sooner.table(story.levers)))
    if (formed := story.halved) is not None:
        parts.append(line("formed", _formed(formed)))
    parts.append(line("cost", f"{story.seconds:.3g} CPU s"))
    return Group(*parts, Text(""), line("end", story.verdict))


def _settings(story: GrokStory) -> str:
    return ", ".join(
        f"{n.replace('_', ' ')} {format_number(v) if isinstance(v, float) else v}"
        for n, v in story.settings.items()
    )


def _formed(formed: tuple[float, float]) -> str:
    return (
        f"from step {format_number(formed[0])} the key frequencies alone lose half of what they "
        f"lost at memorisation; test accuracy there {formed[1]:.0%}"
    )


def _curve(story: GrokStory) -> tables.Table:
    step = story.curves["step"]
    there = [n for n in _COLUMNS if n in story.curves]
    # Evenly spaced in the log of steps, first and last among them.
    whole = np.flatnonzero((step > 0) & np.isfinite(story.curves[there[-1]]))
    least, most = max(step[whole].min(), 1.0), step[-1]
    wanted = [least * (most / least) ** (k / (SHOWN - 1)) for k in range(SHOWN)]
    at = sorted({int(whole[abs(step[whole] - w).argmin()]) for w in wanted})
    cells = [tuple(_cell(n, float(story.curves[n][i])) for n in there) for i in at]
    return tables.Table(tuple(_COLUMNS[n] for n in there), tuple(cells), title="The curve")


def _cell(name: str, value: float) -> str:
    if not math.isfinite(value):
        return ""
    if name.endswith("accuracy"):
        return f"{value:.1%}"
    return format_number(value, 3)


def _forecasts(story: GrokStory) -> tables.Table:
    return tables.Table(
        ("told at", "chance", "by", "median", "interval", "what happened"),
        tuple(_told(story, f) for f in story.forecasts),
        left=frozenset({"what happened"}),
        title="Forecasts of the step at which it generalises",
        note="Each rests on the curves up to the step at which it was told.",
    )


def _told(story: GrokStory, f: GrokForecast) -> tuple[str, ...]:
    return (
        format_number(f.until),
        f"{f.chance:.0%}",
        format_number(f.by),
        foretold.median(f),
        foretold.within(f),
        _KEPT[story.kept(f)] + (", not trusted" if f.doubts else ""),
    )


def _headline(story: GrokStory) -> Headline:
    done = story.generalised is not None
    numbers = [
        Number(words, format_number(at) if at is not None else "not yet", f"step, {share}")
        for words, at, share in (
            ("memorised", story.memorised, "99 % of the training examples"),
            ("generalised", story.generalised, "90 % of the test examples"),
        )
    ]
    if story.forecasts:
        f = story.forecasts[0]
        numbers.append(
            Number(
                f"foretold at step {format_number(f.until)}",
                foretold.median(f),
                foretold.within(f),
                f"chance {f.chance:.0%} by {format_number(f.by)}",
            )
        )
    badge = ("Generalised", "good") if done else ("Not generalised", "plain")
    return Headline(*badge, tuple(numbers), story.verdict)


def _sections(story: GrokStory) -> list[Section]:
    said = () if story.halved is None else (foretold.sentence(_formed(story.halved)),)
    parts = [
        Section(
            "The run", charts=(charts.losses(story), charts.accuracies(story)),
            tables=(_curve(story),), lines=said,
        )
    ]  # fmt: skip
    if story.forecasts:
        last = story.forecasts[-1]
        parts.append(
            Section(
                "What was foretold",
                tables=(_forecasts(story),),
                lines=(
                    foretold.sentence(str(last.held_out)),
                    f"From {last.runs} known runs of {len(last.tasks)} tasks "
                    f"({', '.join(last.tasks)}); read: {', '.join(last.read)}.",
                ),
            )
        )
    if story.levers is not None:
        parts.append(Section("Sooner", tables=(sooner.table(story.levers),)))
    facts = {"settings": _settings(story), "cost": f"{story.seconds:.3g} CPU s"}
    return [*parts, provenance(facts)]


FACE = Face(
    kind=GrokStory,
    text=_text,
    title="Grokking",
    heading=lambda story: story.name,
    headline=_headline,
    sections=_sections,
)
