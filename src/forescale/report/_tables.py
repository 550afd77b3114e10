"""Results as tables of words, drawn alike by the terminal and by the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forescale.fit import Fit
from forescale.forecast import Backtest, Forecast
from forescale.forecast.scorecard import LINE, Scorecard
from forescale.plan import Plan
from forescale.quantities import format_number, format_place, short
from forescale.report import _words as words


@dataclass(frozen=True)
class Table:
    """Rows of words.

    Args:
        head: Column titles.
        rows: Cells, one tuple per row.
        left: Titles of the columns that hold prose rather than numbers.
        title: What it holds; the page shows it.
        note: How to read it; the page shows it below.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: frozenset[str] = frozenset()
    title: str = ""
    note: str = ""

    def only(self, *names: str) -> Table:
        """The columns of these titles alone."""
        keep = [self.head.index(name) for name in names]
        return replace(self, head=names, rows=tuple(tuple(r[k] for k in keep) for r in self.rows))


def parameters(fit: Fit) -> Table:
    """Each parameter with its error in the last digits, its interval and its unit."""
    shown = [
        (
            name,
            words.value_error(fit, name),
            words.interval(*fit.intervals[name]) + (" AT BOUND" if bound else ""),
            words.param_unit(fit, name),
            fit.law.param(words.base(name)).meaning,
        )
        for name, bound in zip(fit.names, fit.at_bound, strict=True)
    ]
    keep = [0, 1, 2] + [k for k in (3, 4) if any(row[k] for row in shown)]
    head = ("", "value", f"{words.level_text(fit.level)} interval", "unit", "meaning")
    return Table(
        head=tuple(head[k] for k in keep),
        rows=tuple(tuple(row[k] for k in keep) for row in shown),
        left=frozenset({"", "unit", "meaning"}),
        title="Parameters",
        note=f"1.776(19) is 1.776 with a standard error of 0.019. Intervals: {words.method(fit)}.",
    )


def forecasts(made: Forecast) -> Table:
    """Each place with the forecast, its interval, and how far beyond the runs it lies."""
    grouped = any(p.group is not None for p in made.points)
    output = made.fit.law.predicts
    return Table(
        head=(
            *(["group"] if grouped else []),
            *made.fit.law.inputs,
            output,
            f"{words.level_text(made.level)} interval",
            "parameters only",
            "beyond the runs",
        ),
        rows=tuple(
            (
                *([short(p.group)] if grouped else []),
                *(format_number(v) for v in p.inputs.values()),
                words.forecast_value(p),
                words.interval(p.band.lo, p.band.hi),
                words.interval(p.parameters.lo, p.parameters.hi),
                words.beyond(p.distance),
            )
            for p in made.points
        ),
        left=frozenset({"group", "beyond the runs"}),
        title="Forecasts",
        note="The interval is for what a new run would measure: doubt of the parameters and of "
        "the law, run noise, what the backtest adds, and drift with distance. "
        "'Parameters only' is what a bootstrap alone would print.",
    )


def shares(made: Forecast) -> Table:
    """Each place with the sources of its doubt."""
    sources = tuple(made.points[0].shares)
    return Table(
        head=(*made.fit.law.inputs, *sources),
        rows=tuple(
            (
                *(format_number(v) for v in p.inputs.values()),
                *(words.percent(100 * p.shares[s]) for s in sources),
            )
            for p in made.points
        ),
        title="Where the doubt comes from",
        note="Shares of the variance behind the interval. The truth drifts off any law by a share "
        "of what the law says will change beyond the runs; this share, and the factor on the "
        "doubt of parameters and on noise, are learned from the backtest and from published "
        "tables.",
    )


def backtests(test: Backtest) -> Table:
    """One row per cut: what was held out, how far, the errors and those of the rivals."""
    rivals = tuple(test.cuts[0].rivals) if test.cuts else ()
    return Table(
        head=(
            "fitted",
            "held out",
            *(("law",) if test.chosen else ()),
            "beyond",
            "error",
            "bias",
            "inside",
            "width",
            *rivals,
        ),
        rows=tuple(
            (
                str(c.trained),
                str(c.held_out),
                *((c.law,) if test.chosen else ()),
                words.times(c.factor),
                words.percent(c.error_pct),
                f"{c.bias_pct:+.2g} %",
                words.percent(100 * c.coverage),
                words.percent(c.width_pct),
                *(words.percent(c.rivals[r]) for r in rivals),
            )
            for c in test.cuts
        ),
        title="Cuts",
        note=f"Error: mean absolute error of the held-out runs. Inside: share of them within their "
        f"{words.level_text(test.level)} interval; width: the interval's median width. "
        f"The rest: errors of naive forecasts ({', '.join(rivals)})."
        + (" The law was chosen anew from the fitted runs of each cut." if test.chosen else ""),
    )


def choice(fit: Fit) -> Table | None:
    """The laws that were tried, where the law was chosen."""
    if fit.choice is None:
        return None
    found = fit.choice["candidates"]

    def score(x: float | None) -> str:
        return "-" if x is None or not math.isfinite(x) else words.percent(x)

    return Table(
        head=("law", "held-out error", "AICc", "weight", ""),
        rows=(
            *(
                (
                    c["law"],
                    score(c["score_pct"]),
                    "-" if c["aic"] is None or not math.isfinite(c["aic"]) else f"{c['aic']:.1f}",
                    f"{c['weight']:.2f}",
                    "chosen" if c["law"] == fit.law.name else short(c["why"], 60),
                )
                for c in found
            ),
            ("straight line", score(fit.choice["line_score_pct"]), "", "", "naive"),
        ),
        left=frozenset({"law", ""}),
        title="Choice of law",
        note=f"Scored on the largest runs held out in {fit.choice['cuts']} cuts. The weight is "
        "a law's share in the forecast.",
    )


def plans(made: Plan) -> Table:
    """The optimum with its intervals."""
    o = made.optimum
    shown = {"N": "size N (params)", "D": "data D (tokens)", "C": "compute C (FLOPs)"}
    rows = [
        (
            title,
            format_number(o[k].value, 3),
            "given"
            if k in made.given
            else f"{format_number(o[k].lo, 3)} to {format_number(o[k].hi, 3)}",
        )
        for k, title in shown.items()
    ]
    t, a = o["tokens_per_param"], made.exponent
    rows += [
        ("tokens per parameter", f"{t.value:.3g}", f"{t.lo:.3g} to {t.hi:.3g}"),
        ("a, where best N ~ C^a", words.rounded(a.value, a.hi - a.lo), words.interval(a.lo, a.hi)),
    ]
    return Table(
        head=("", "best", f"{words.level_text(made.level)} interval"),
        rows=tuple(rows),
        left=frozenset({""}),
        title="Compute-optimal",
    )


def dropped(fit: Fit) -> Table | None:
    """Why rows were left out, where any were."""
    found = words.reasons(fit.runs)
    if not found:
        return None
    return Table(
        head=("rows", "reason", "which"),
        rows=tuple((str(n), why, rows) for why, n, rows in found),
        left=frozenset({"reason", "which"}),
        title="Rows left out",
    )


def provenance(fit: Fit) -> Table:
    """Where every number came from and how to make it again."""
    from forescale import __version__

    spec = fit.spec
    read = [
        f"{name} from '{short(header)}'"
        for name, header in fit.runs.names.items()
        if header != name and name in (*fit.law.inputs, fit.law.predicts)
    ]
    facts = {
        "source": fit.runs.source,
        "sha256 of the runs used": fit.runs.hash,
        "rows used": f"{len(fit.runs):,}",
        "rows left out": f"{len(fit.runs.dropped):,}",
        "columns": ", ".join(read),
        "law": f"{fit.law.name}: {words.equation(fit)}",
        "source of the law": fit.law.source,
        "objective": words.objective(fit),
        "groups": f"by {short(spec.by)}, free: {', '.join(spec.free) or 'nothing'}"
        if spec.by
        else "",
        "fixed": ", ".join(f"{k} = {v:g}" for k, v in spec.fixed.items()),
        "priors": ", ".join(f"{k} = {m:g} +- {s:g}" for k, (m, s) in spec.priors.items()),
        "weights": short(spec.weights) if spec.weights else "",
        "intervals": words.method(fit),
        "starts": str(spec.starts),
        "seed": str(spec.seed),
        "version": f"forescale {__version__}",
    }
    return facts_table({k: v for k, v in facts.items() if v}, "Provenance")


def scores(card: Scorecard) -> Table:
    """One row per forecast whose truth is known."""
    return Table(
        head=("record", "made", "law", "at", "forecast", "90 % interval", "truth", "off by",
              "line off by", "z", "inside 90 %", "trusted"),
        rows=tuple(
            (
                s.id,
                s.date[:10],
                short(s.law),
                format_place(s.inputs) + (f", {short(s.group)}" if s.group else ""),
                words.rounded(s.median, s.ends[0.9][1] - s.ends[0.9][0]),
                words.interval(*s.ends[0.9]),
                format_number(s.truth, 5),
                _off(s.error, s.truth, s.error_pct),
                _off(s.rivals[LINE], s.truth, s.error_pct) if LINE in s.rivals else "-",
                f"{s.z:+.1f}",
                "yes" if s.inside(0.9) else "NO",
                "yes" if s.trusted else "no",
            )
            for s in card.scored
        ),
        left=frozenset({"made", "law", "at", "trusted"}),
        title="Scored",
        note="'Off by' is forecast minus truth; the line is the straight line on log-log axes that "
        "was put on record with the forecast. z counts predictive standard deviations.",
    )  # fmt: skip


def _off(error: float, truth: float, relative: float | None) -> str:
    return f"{error:+.3g}" if relative is None else f"{100 * error / truth:+.2g} %"


def promises(card: Scorecard) -> Table:
    """What intervals of each level held."""
    return Table(
        head=("intervals of", "held", "of", "share", "95 % interval of the share"),
        rows=tuple(
            (
                words.level_text(c.level),
                str(c.inside),
                str(c.of),
                words.percent(100 * c.share, 3),
                f"{100 * c.lo:.0f} to {100 * c.hi:.0f} %",
            )
            for c in card.coverage
        ),
        title="Coverage",
        note=f"Forecasts from one table, or settled by one run, may all err together: the "
        f"{len(card.scored)} truths form {card.clusters} groups, each counting as one in the "
        "interval of the share.",
    )


def unsettled(card: Scorecard) -> Table:
    """Forecasts whose truth is not known."""
    return Table(
        head=("record", "made", "law", "at", "forecast"),
        rows=tuple(
            (
                o["id"],
                o["date"][:10],
                short(o["law"]),
                format_place(o["inputs"]) + (f", {short(o['group'])}" if o["group"] else ""),
                f"{o['output']} = {format_number(o['median'])}",
            )
            for o in card.open
        ),
        left=frozenset({"made", "law", "at"}),
        title="Open",
        note="The truth of these is not known yet.",
    )


def facts_table(facts: Mapping[str, str], title: str) -> Table:
    """Names and what they are."""
    return Table(("", " "), tuple(facts.items()), frozenset({"", " "}), title)


def anything(result: object, title: str = "") -> Table:
    """Any result with `to_dict()` as names and values, nested names joined by dots."""
    data: Any = result.to_dict() if hasattr(result, "to_dict") else result
    facts: dict[str, str] = {}
    _flatten("", data, facts)
    return facts_table(facts, title or type(result).__name__)


def _flatten(name: str, value: Any, facts: dict[str, str]) -> None:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            _flatten(f"{name}.{key}" if name else str(key), inner, facts)
    elif isinstance(value, Sequence) and not isinstance(value, str) and _nested(value):
        for k, inner in enumerate(value):
            _flatten(f"{name}[{k}]", inner, facts)
    else:
        facts[short(name, 80) or "value"] = _cell(value)


def _nested(values: Sequence[Any]) -> bool:
    return any(isinstance(v, Mapping | list | tuple) for v in values)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format_number(value, 6)
    if value is None:
        return "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(_cell(v) for v in value[:12])
        more = f" and {len(value) - 12} more" if len(value) > 12 else ""
        return f"{shown}{more}" if shown else "-"
    return str(value)
