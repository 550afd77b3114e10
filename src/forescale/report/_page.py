"""One self-contained HTML page: no network, no folder beside it, readable without colours."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forescale import files
from forescale.compare import Comparison
from forescale.errors import BadOption
from forescale.fit import Fit
from forescale.forecast.backtest import Backtest
from forescale.forecast.check import Check
from forescale.forecast.scorecard import Scorecard
from forescale.multiverse import Multiverse
from forescale.report import _checks, _methods
from forescale.report import _multiverse as _universes
from forescale.report import _tables as tables
from forescale.report._bundle import bundle, missing
from forescale.report._headline import headlines
from forescale.report._story import Story, stories
from forescale.report._words import law_name
from forescale.report.charts import (
    curves,
    draws,
    fan,
    fared,
    methods,
    promised,
    quality,
    spend,
    surface,
    tested,
    universes,
)
from forescale.report.charts._runs import Runs
from forescale.report.charts._spec import CONFIG, Chart

TEMPLATES = Path(__file__).with_name("templates")
#: Heading of a page with nothing else on it, the fit that it is about aside.
TITLES: dict[type, str] = {
    Fit: "Scaling law",
    Backtest: "Backtest",
    Check: "Check by simulation",
    Comparison: "Comparison of methods",
    Multiverse: "Multiverse of analyses",
    Scorecard: "Forecasts on record",
}


@dataclass(frozen=True)
class Section:
    """A heading with charts and tables below it.

    Args:
        title: The heading.
        charts: Charts, each with its caption.
        tables: Tables.
        minis: Small charts in a row, under a common caption.
        lines: Sentences.
        open: Whether it is unfolded at first.
    """

    title: str
    charts: tuple[Chart, ...] = ()
    tables: tuple[tables.Table, ...] = ()
    minis: tuple[Chart, ...] = ()
    lines: tuple[str, ...] = ()
    open: bool = True


def page(results: Sequence[object], *, title: str | None = None, command: str | None = None) -> str:
    """One HTML page that shows the results, offline.

    Args:
        results: Fit, Forecast, Backtest, Plan, Check, Comparison, Multiverse, Scorecard, curves,
            in any number and order; results of one fit are told together. Anything else with
            `to_dict()` is shown as names and values.
        title: Heading of the page; by default, what kind of result it shows.
        command: Command line that made it, for the reader who wants to make it again.

    Raises:
        BadOption: If there is no result.
        MissingExtra: If jinja2 or vl-convert is not installed.
    """
    results = list(results) if isinstance(results, list | tuple) else [results]
    if not results:
        raise BadOption("there is no result to show", where="report", fix="give at least one")
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError:
        raise missing("jinja2") from None
    told = [(_heading(s), headlines(s), _sections(s, k)) for k, s in enumerate(stories(results))]
    charts = [c for _, _, sections in told for s in sections for c in (*s.charts, *s.minis)]
    script = bundle() if charts else ""
    start = (TEMPLATES / "page.js").read_text(encoding="utf-8") if charts else ""
    # autoescape: user text (run names, paths, headers) cannot become markup.
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["ident"] = id
    text: str = environment.get_template("page.html").render(
        title=title or _title(results),
        command=command,
        stories=told,
        number={id(c): f"chart-{k}" for k, c in enumerate(charts)},
        style=(TEMPLATES / "page.css").read_text(encoding="utf-8"),
        data=_json(_payload(charts)),
        scripts=[script, start] if charts else [],
        policy=_policy([script, start] if charts else []),
        version=_version(),
    )
    return text


def write(
    path: Path | str,
    results: Sequence[object],
    *,
    title: str | None = None,
    command: str | None = None,
) -> Path:
    """The page written to `path`, whole or not at all; arguments as in `page`.

    Raises:
        BadOption: If the file cannot be written, or there is no result.
        MissingExtra: If jinja2 or vl-convert is not installed.
    """
    text = page(results, title=title, command=command)
    try:
        files.write(path, text)
    except OSError as error:
        raise BadOption(
            f"cannot write '{path}': {error.strerror or error}",
            where="report",
            fix="name a file in a folder that exists and that you may write to",
        ) from error
    return Path(path)


def _title(results: Sequence[object]) -> str:
    for kind, title in TITLES.items():
        if all(isinstance(r, kind | Fit) for r in results):
            return title
    return "Scaling forecast"


def _version() -> str:
    from forescale import __version__

    return __version__


def _heading(story: Story) -> str:
    if story.fit is not None:
        return f"{law_name(story.fit.law.name, story.fit.law.formula)} on {story.fit.runs.source}"
    if story.test is not None:
        return f"{law_name(story.test.law, story.test.formula)} on {story.test.source}"
    if story.curves is not None:
        return story.curves.source
    if story.card is not None:
        return f"Forecasts on record in {story.card.source}"
    if isinstance(story.other, Comparison):
        found = story.other
        return f"{', '.join(list(found.fits)[:4])} on {found.source}"
    if isinstance(story.other, Check):
        fit = story.other.fit
        return f"{law_name(fit.law.name, fit.law.formula)} on {fit.runs.source}, by simulation"
    if isinstance(story.other, Multiverse):
        return f"The multiverse of {story.other.source}"
    return type(story.other).__name__


def _sections(story: Story, k: int) -> list[Section]:
    if isinstance(story.other, Comparison):
        return _comparison(story.other)
    if isinstance(story.other, Check):
        return _check(story.other)
    if isinstance(story.other, Multiverse):
        return _multiverse(story.other)
    if story.other is not None:
        return [_other(story.other)]
    if story.card is not None:
        return _card(story.card)
    found: list[Section] = []
    if story.fit is not None:
        runs = Runs(story.fit, f"runs{k}")
        points = [p for f in story.forecasts for p in f.points]
        found.append(
            Section(
                "Forecast" if points else "Loss against scale",
                charts=(fan.fan(runs, story.forecasts, story.test),),
                tables=tuple(
                    table(f) for f in story.forecasts for table in (tables.forecasts, tables.shares)
                ),
            )
        )
        for plan in story.plans:
            found.append(
                Section(
                    "Plan",
                    charts=_some(spend.valley(plan), spend.frontier(plan)),
                    tables=(tables.plans(plan),),
                )
            )
        found += _fit(story, runs, points)
    if story.test is not None:
        found.insert(1 if story.fit else 0, _backtest(story))
    if story.curves is not None and (drawn := curves.curves(story.curves, f"curves{k}")):
        found.append(Section("Learning curves", charts=(drawn,)))
    if story.fit is not None:
        found.append(_provenance(story))
    return found


def _fit(story: Story, runs: Runs, points: Sequence[Any]) -> list[Section]:
    fit = story.fit
    assert fit is not None
    flags = tuple(f"{f.severity}: {f.message}" for f in fit.flags)
    out = [
        Section(
            "Fit",
            charts=_some(quality.parity(runs), quality.residuals(runs)),
            tables=(tables.parameters(fit),),
            lines=flags,
        )
    ]
    if (chosen := tables.choice(fit)) is not None:
        out.append(Section("Choice of law", tables=(chosen,)))
    if (map_ := surface.surface(runs, points)) is not None:
        out.append(Section("Loss surface", charts=(map_,)))
    if fit.draws is not None:
        out.append(
            Section(
                "What the parameters could be",
                charts=_some(draws.pair(fit)),
                minis=tuple(draws.histograms(fit)),
                lines=fit.draws.notes,
            )
        )
    return out


def _backtest(story: Story) -> Section:
    test = story.test
    assert test is not None
    return Section(
        "Backtest",
        charts=_some(tested.rivals(test), tested.held_out(test)),
        tables=(tables.backtests(test),) if test.cuts else (),
        lines=test.skipped,
    )


def _provenance(story: Story) -> Section:
    assert story.fit is not None
    gone = tables.dropped(story.fit)
    return Section(
        "Where this comes from",
        tables=(tables.provenance(story.fit), *((gone,) if gone else ())),
        lines=tuple(f"note: {n}" for n in story.fit.runs.notes),
    )


def _card(card: Scorecard) -> list[Section]:
    chain = (
        f"The chain of hashes is whole up to {card.head}." if card.head else "There is none yet."
    )
    return [
        Section(
            "How they fared",
            charts=_some(fared.against_truth(card), fared.coverage(card)),
            tables=(tables.scores(card), tables.promises(card)) if card.scored else (),
            lines=card.notes,
        ),
        Section("Not yet known", tables=(tables.unsettled(card),) if card.open else ()),
        Section("Where this comes from", lines=(chain,)),
    ]


def _comparison(made: Comparison) -> list[Section]:
    best = _methods.best(made)
    found = [
        Section(
            "Comparison",
            charts=(methods.savings(made),),
            tables=(_methods.contrasts(made), *((best,) if best else ())),
            lines=tuple(f"{c.method}: {c.verdict}" for c in made.contrasts[1:]),
        ),
        Section("What differs", tables=(_methods.tests(made), _methods.parameters(made))),
        Section("By scale", tables=(_methods.multipliers(made),)),
        Section("Held-out runs", lines=(made.tested,)),
    ]
    facts = {
        "source": made.source,
        "sha256 of the runs used": made.hash,
        "law": f"{made.law.name}: {made.law.predicts} = {made.law.formula}",
        "resamples": str(made.resamples),
        "seed": str(made.seed),
        "version": f"forescale {_version()}",
    }
    lines = tuple(f"note: {n}" for n in made.notes)
    where = tables.facts_table(facts, "Provenance")
    return [*found, Section("Where this comes from", tables=(where,), lines=lines)]


def _check(made: Check) -> list[Section]:
    told = f"Simulated {made.tables} tables per world, seed {made.seed}, forescale {_version()}."
    return [
        Section(
            "Would the intervals hold",
            charts=(promised.promised(made),),
            tables=(_checks.coverage(made), _checks.parameters(made)),
            lines=(*_checks.meanings(made), *made.skipped),
        ),
        Section("What is needed", tables=(_checks.ways(made),), lines=(made.needed.verdict,)),
        Section("Where this comes from", lines=(told,)),
    ]


def _multiverse(made: Multiverse) -> list[Section]:
    moves = _universes.moves(made)
    failed = tuple(f"{n} universes gave no number: {why}" for why, n in made.failures.items())
    facts = {
        "source": made.source,
        "sha256 of the runs used": made.hash,
        "default law": f"{made.law}: {made.formula}",
        "universes": made.count_text(),
        "seed": str(made.seed),
        "version": f"forescale {_version()}",
    }
    return [
        Section(
            "Universes",
            charts=(universes.curve(made), universes.shares(made)),
            tables=(_universes.choices(made),),
            lines=failed,
        ),
        Section("One choice at a time", tables=(*((moves,) if moves else ()),
                                                _universes.options(made))),
        Section("Checklist", tables=(_universes.checklist(made.checklist),)),
        Section(
            "Where this comes from",
            tables=(tables.facts_table(facts, "Provenance"),),
            lines=tuple(f"note: {n}" for n in made.remarks),
        ),
    ]  # fmt: skip


def _other(result: object) -> Section:
    summary = getattr(result, "summary", None)
    lines = tuple(str(summary()).splitlines()) if callable(summary) else ()
    return Section(type(result).__name__, tables=(tables.anything(result),), lines=lines)


def _some(*charts: Chart | None) -> tuple[Chart, ...]:
    return tuple(c for c in charts if c is not None)


def _payload(charts: Iterable[Chart]) -> dict[str, Any]:
    """Specs, and the data sets that several of them share, once."""
    data: dict[str, Any] = {}
    specs = []
    for chart in charts:
        data |= chart.data
        spec = {k: v for k, v in chart.to_dict().items() if k != "datasets"}
        specs.append({"spec": spec, "data": list(chart.data)})
    return {"config": CONFIG, "data": data, "charts": specs}


def _json(value: Mapping[str, Any]) -> str:
    """JSON that can stand inside a script element: `</script>` and `<!--` cannot arise."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _policy(scripts: Sequence[str]) -> str:
    """What the browser may do for this page: run our own scripts by hash; ask nobody anything."""
    hashes = [
        f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'"
        for s in scripts
    ]
    allowed = " ".join(hashes) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
