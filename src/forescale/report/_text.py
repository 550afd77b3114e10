"""Results as terminal text: what was read, the numbers, and the doubts beside them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Drawn
from rich.text import Text

from forescale.compare import Comparison
from forescale.fit import Fit
from forescale.forecast import WIDEST, Backtest, Forecast, Verdict
from forescale.forecast.check import Check
from forescale.forecast.scorecard import Scorecard
from forescale.multiverse import Checklist, Multiverse
from forescale.plan import Plan
from forescale.quantities import short
from forescale.report import _checks as checks
from forescale.report import _methods as methods
from forescale.report import _multiverse as universes
from forescale.report import _tables as tables
from forescale.report import _words as words

_STYLE = {"fail": "bold red", "warn": "yellow", "note": "dim"}
#: Notes and reasons shown before the rest is counted.
MOST = 6


def text(result: object) -> RenderableType:
    """The result as something rich can print.

    Args:
        result: A Fit, Forecast, Backtest, Plan, Check, Comparison, Multiverse, Checklist or
            Scorecard; of anything else, its `summary()` or the values of its `to_dict()`.
    """
    if isinstance(result, Fit):
        return _fit(result)
    if isinstance(result, Forecast):
        return _forecast(result)
    if isinstance(result, Backtest):
        return _backtest(result)
    if isinstance(result, Plan):
        return _plan(result)
    if isinstance(result, Scorecard):
        return _scorecard(result)
    if isinstance(result, Comparison):
        return _comparison(result)
    if isinstance(result, Check):
        return _check(result)
    if isinstance(result, Multiverse):
        return _multiverse(result)
    if isinstance(result, Checklist):
        return draw(universes.checklist(result).only("question", "answer"))
    summary = getattr(result, "summary", None)
    return Text(str(summary())) if callable(summary) else draw(tables.anything(result))


def draw(table: tables.Table) -> RenderableType:
    """A table without lines; numbers to the right, prose wrapped."""
    drawn = Drawn(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in table.head:
        prose = name in table.left
        cells = [row[len(drawn.columns)] for row in table.rows]
        # A title longer than all that stands below it is broken rather than widening the table.
        broken = not prose and len(name) > max((len(c) for c in cells), default=0) + 1
        drawn.add_column(
            Text(_broken(name) if broken else name.strip()),
            justify="left" if prose else "right",
            overflow="fold",
            no_wrap=not prose,
        )
    for row in table.rows:
        drawn.add_row(*(Text(_safe(cell)) for cell in row))
    return Padding(drawn, (1, 0))


def _broken(name: str) -> str:
    """A title on two lines, broken at the space nearest its middle."""
    spaces = [i for i, c in enumerate(name) if c == " "]
    if not spaces:
        return name
    at = min(spaces, key=lambda i: abs(2 * i - len(name)))
    return f"{name[:at]}\n{name[at + 1 :]}"


def _safe(cell: str) -> str:
    """Without control characters: a run name must not move the user's cursor."""
    return "".join(c if c.isprintable() else " " for c in cell)


def _line(label: str, said: str, style: str = "") -> RenderableType:
    """A label in the margin, and prose that wraps beside it."""
    grid = Drawn.grid(padding=(0, 1))
    grid.add_column(width=8, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(label, style or "bold"), Text(_safe(said), style))
    return grid


def _some(lines: Iterable[str], what: str) -> list[str]:
    found = list(lines)
    more = [f"and {len(found) - MOST} more {what}"] if len(found) > MOST else []
    return [*found[:MOST], *more]


def _read(fit: Fit) -> list[RenderableType]:
    runs = fit.runs
    gone = words.reasons(runs)
    said = f"{runs.source}: {len(runs):,} rows used"
    if gone:
        said += f", {len(runs.dropped):,} left out: " + "; ".join(
            _some((f"{n} {why} (row {rows})" for why, n, rows in gone), "reasons")
        )
    return [_line("runs", said), *(_line("note", n, "dim") for n in _some(runs.notes, "notes"))]


def _flags(fit: Fit) -> list[RenderableType]:
    return [_line(f.severity, f.message, _STYLE[f.severity]) for f in fit.flags]


def _fit(fit: Fit) -> RenderableType:
    said = f"{words.equation(fit)}  ({fit.law.name})"
    if fit.spec.by:
        said += f", by {short(fit.spec.by)}"
    parts: list[RenderableType] = [*_read(fit), _line("law", said), draw(tables.parameters(fit))]
    parts.append(_line("noise", f"{words.noise(fit)}, {words.objective(fit)}"))
    parts.append(_line("errors", f"{words.method(fit)}, seed {fit.spec.seed}"))
    if (choice := tables.choice(fit)) is not None:
        parts.append(draw(choice))
    parts += _flags(fit)
    if fit.health == "ok":
        parts.append(_line("ok", "nothing stands against forecasting from it", "green"))
    return Group(*parts)


def _forecast(made: Forecast) -> RenderableType:
    fit = made.fit
    said = f"{words.equation(fit)}  ({fit.law.name}), {len(fit.runs):,} runs of {fit.runs.source}"
    parts: list[RenderableType] = [_line("law", said), draw(tables.forecasts(made))]
    if fit.rivals:
        mixed = ", ".join(f"{f.law.name} {w:.2f}" for w, f in fit.rivals)
        parts.append(_line("mixed", f"laws with their weights: {mixed}"))
    parts.append(_line("doubt", words.shares(made)))
    if made.joint is not None and len(made.points) <= MOST:
        parts.append(_line("at once", words.at_once(made.joint)))
    if made.backtest is not None:
        parts.append(_line("tested", words.tested(made.backtest)))
    grave = [f for f in fit.flags if f.severity != "note"]
    parts += [_line(f.severity, f.message, _STYLE[f.severity]) for f in grave]
    apart = [Text("")] if len(parts) > 2 else []
    return Group(*parts, *apart, _verdict(made.verdict))


def _verdict(verdict: Verdict) -> RenderableType:
    word, style = ("TRUSTED", "bold green") if verdict.trusted else (
        "NOT TO BE TRUSTED", "bold red")  # fmt: skip
    said = verdict.text.partition("; not to be trusted because ")[0]
    lines: list[RenderableType] = [Text.assemble((word, style), ": ", _safe(said))]
    lines += [Text(f"  - {_safe(r)}", "red") for r in verdict.reasons]
    return Group(*lines)


def _backtest(test: Backtest) -> RenderableType:
    parts: list[RenderableType] = [
        _line("law", words.tested_law(test)),
        _line("runs", f"{test.source}, the largest held out by {test.scale}"),
    ]
    if test.cuts:
        parts.append(draw(tables.backtests(test)))
        parts.append(_against_line(test))
        if not 0.95 < test.widening < 1.05:
            way = "wider" if test.widening > 1 else "narrower"
            times = max(test.widening, 1 / test.widening)
            parts.append(
                _line("since", f"a forecast's intervals are {times:.2g} times {way} for this")
            )
        parts.append(_line("so far", test.conformal))
    parts += [_line("skipped", s, "yellow") for s in _some(test.skipped, "cuts")]
    return Group(*parts)


def _against_line(test: Backtest) -> RenderableType:
    own, line = test.error_pct, test.line_pct
    said = f"mean error over the cuts {words.percent(own)} against {words.percent(line)}"
    if own > line:
        return _line("loses", f"loses to a straight line: {said}", "bold red")
    if own > 100 * WIDEST:
        return _line("misses", f"far off, and a straight line farther: {said}", "yellow")
    return _line("beats", f"beats a straight line: {said}", "green")


def _plan(made: Plan) -> RenderableType:
    parts: list[RenderableType] = [
        _line("law", f"{words.equation(made.fit)}  ({made.fit.law.name})"),
        draw(tables.plans(made)),
        _line("flat", made.flat_text()),
        _line("isoflop", f"parabolas: {made.isoflop_text()}"),
    ]
    if made.lost > 0:
        parts.append(_line("warn", f"{words.percent(100 * made.lost)} of the draws have no "
                           "optimum", _STYLE["warn"]))  # fmt: skip
    return Group(*parts, draw(tables.forecasts(made.forecast)), _verdict(made.forecast.verdict))


def _scorecard(card: Scorecard) -> RenderableType:
    parts: list[RenderableType] = [
        _line("records", f"{card.source}, chain whole up to {card.head[:8]}")
    ]
    if card.scored:
        # What fits 80 columns; the page and the JSON have the rest.
        scores = tables.scores(card).only(
            "record", "at", "forecast", "90 % interval", "truth", "off by", "inside 90 %"
        )
        parts += [draw(scores), draw(tables.promises(card))]
        parts.append(_line("errors", words.fared(card)))
    if card.open:
        parts += [
            _line("open", f"{len(card.open)} without a truth yet"),
            draw(tables.unsettled(card)),
        ]
    parts += [_line("note", n, "dim") for n in _some(card.notes, "notes")]
    parts += [_line("doubt", d, "bold red") for d in card.doubts]
    return Group(*parts)


def _comparison(made: Comparison) -> RenderableType:
    said = f"{made.law.predicts} = {made.law.formula}  ({made.law.name}), by {short(made.by)}"
    parts: list[RenderableType] = [
        _line("law", said),
        _line("noise", made.design.note),
        draw(methods.contrasts(made)),
        draw(methods.tests(made)),
        draw(methods.multipliers(made)),
    ]
    if (best := methods.best(made)) is not None:
        parts.append(draw(best))
    parts.append(_line("tested", made.tested))
    parts += [_line("note", n, "dim") for n in made.notes]
    return Group(*parts, Text(""), _verdict(Verdict(made.trusted, made.main.verdict, made.reasons)))


def _check(made: Check) -> RenderableType:
    fit = made.fit
    said = f"{words.equation(fit)}  ({fit.law.name}), {len(fit.runs):,} runs of {fit.runs.source}"
    if fit.choice is not None:
        said += "; chosen anew in each table"
    parts: list[RenderableType] = [
        _line("law", said),
        _line("errors", words.method(fit)),
        draw(checks.coverage(made)),
        *(_line("if", m, "dim") for m in checks.meanings(made)),
        draw(checks.parameters(made)),
    ]
    parts += [_line("skipped", s, "yellow") for s in made.skipped]
    parts += [_line("needed", f"{made.needed.verdict}; now {words.percent(made.needed.now_pct)}, "
                    f"from {checks.parts(made)}"), draw(checks.ways(made))]  # fmt: skip
    if made.trusted:
        return Group(*parts, Text.assemble(("HOLDS", "bold green"), ": ", _safe(made.verdict)))
    word = Text.assemble(("DOES NOT HOLD", "bold red"), ": ", _safe(made.verdict))
    more = [d for d in made.doubts if d != made.verdict]
    return Group(*parts, word, *(Text(f"  - {_safe(d)}", "red") for d in more))


def _multiverse(made: Multiverse) -> RenderableType:
    moves = universes.moves(made)
    parts: list[RenderableType] = [
        _line("asked", f"{made.name}, {made.words}"),
        _line("default", f"{made.default_text()} by {made.formula}  ({made.law}), {made.runs:,} "
              f"runs of {made.source}"),
        _line("fan", f"{made.count_text()}: {made.fan_text()}; the default lies above "
              f"{words.percent(100 * made.rank)} of them"),
        _line("spread", made.spread_text()),
        _line("mover", made.mover_text()),
        *([_line("decides", made.turn_text())] if made.decision is not None else []),
        draw(universes.choices(made)),
    ]  # fmt: skip
    if moves is not None:
        few = replace(moves, rows=moves.rows[: universes.MOST_MOVES])
        parts.append(draw(few))
    parts += [
        _line("failed", f"{n} times: {short(why, 200)}", "yellow")
        for why, n in list(made.failures.items())[:MOST]
    ]
    parts += [_line("note", n, "dim") for n in made.remarks]
    checklist = made.checklist
    told = len(checklist.items) - len(checklist.open)
    parts.append(
        _line("check", f"{told} of {len(checklist.items)} questions of a reader are answered "
              "(--checklist prints them); open: " + " ".join(i.question for i in checklist.open))
    )  # fmt: skip
    alone = ("CAN STAND ALONE", "bold green") if made.trusted else (
        "NOT TO BE QUOTED ALONE", "bold red")  # fmt: skip
    lines = [Text.assemble(alone, f": {made.name} = {made.default_text()}")]
    lines += [Text(f"  - {_safe(r)}", "red") for r in made.reasons]
    return Group(*parts, Text(""), *lines)
