"""What stands at the top of a page: the number in big type, and whether to bet on it."""

from __future__ import annotations

from dataclasses import dataclass

from forescale.compare import Comparison
from forescale.fit import Fit
from forescale.forecast import Backtest, Forecast
from forescale.forecast.check import Check
from forescale.forecast.scorecard import Scorecard
from forescale.multiverse import Multiverse
from forescale.plan import Plan
from forescale.quantities import format_number, format_place, short
from forescale.report import _methods
from forescale.report import _words as words
from forescale.report._story import Story

#: Numbers in big type; the tables below hold all.
MOST = 4


@dataclass(frozen=True)
class Number:
    """One number in big type.

    Args:
        label: What and where.
        value: The number.
        doubt: Its interval, or how far beyond the data.
        more: A smaller line below.
    """

    label: str
    value: str
    doubt: str
    more: str = ""


@dataclass(frozen=True)
class Headline:
    """The answer.

    Args:
        badge: Two or three words.
        tone: "good", "bad" or "plain".
        numbers: In big type.
        said: One line behind the badge.
        reasons: Each reason against.
    """

    badge: str
    tone: str
    numbers: tuple[Number, ...]
    said: str = ""
    reasons: tuple[str, ...] = ()


def headlines(story: Story) -> list[Headline]:
    """One headline per question that was answered."""
    found = [_plan(p) for p in story.plans]
    planned = {id(p.forecast) for p in story.plans}
    found += [_forecast(f) for f in story.forecasts if id(f) not in planned]
    if not found and story.fit is not None:
        found.append(_fit(story.fit, story.test))
    if not found and story.test is not None:
        found.append(_backtest(story.test))
    if story.card is not None:
        found.append(_card(story.card))
    if isinstance(story.other, Comparison):
        found.append(_comparison(story.other))
    if isinstance(story.other, Check):
        found.append(_check(story.other))
    if isinstance(story.other, Multiverse):
        found.append(_multiverse(story.other))
    return found


def _forecast(made: Forecast, numbers: tuple[Number, ...] = ()) -> Headline:
    shown = numbers + tuple(
        Number(
            f"{p.output} at {format_place(p.inputs)}" + (f", {short(p.group)}" if p.group else ""),
            words.forecast_value(p),
            f"{words.level_text(made.level)}: {words.interval(p.band.lo, p.band.hi)}",
            words.farthest(p.distance),
        )
        for p in made.points[: MOST - min(len(numbers), MOST - 1)]
    )
    verdict = made.verdict
    return Headline(
        badge="Trusted" if verdict.trusted else "Not to be trusted",
        tone="good" if verdict.trusted else "bad",
        numbers=shown,
        said=verdict.text.partition("; not to be trusted because ")[0],
        reasons=verdict.reasons,
    )


def _plan(made: Plan) -> Headline:
    def say(k: str, label: str) -> Number:
        e = made.optimum[k]
        doubt = "given" if k in made.given else (
            f"{words.level_text(made.level)}: {format_number(e.lo, 3)} to {format_number(e.hi, 3)}"
        )  # fmt: skip
        return Number(label, format_number(e.value, 3), doubt)

    ratio = made.optimum["tokens_per_param"]
    first = (
        say("N", "best size N"),
        Number(**{**vars(say("D", "best data D")), "more": f"{ratio.value:.3g} tokens per "
                  "parameter"}),
        say("C", "compute C (FLOPs)"),
    )  # fmt: skip
    return _forecast(made.forecast, first)


def _fit(fit: Fit, test: Backtest | None) -> Headline:
    numbers = tuple(
        Number(name, words.value_error(fit, name),
               f"{words.level_text(fit.level)}: {words.interval(*fit.intervals[name])}",
               fit.law.param(words.base(name)).meaning)
        for name in [n for n in fit.names if "[" not in n][:MOST + 1]
    )  # fmt: skip
    grave = tuple(f.message for f in fit.flags if f.severity != "note")
    badge = "Unfit for forecasts" if not fit.healthy else "Fit with doubts" if grave else "Sound"
    said = f"{words.equation(fit)} on {len(fit.runs):,} runs, noise {words.noise(fit)}"
    if test is not None:
        said += f"; {words.tested(test)}"
    tone = "bad" if not fit.healthy else "plain" if grave else "good"
    return Headline(badge, tone, numbers, said, grave)


def _backtest(test: Backtest) -> Headline:
    numbers = tuple(
        Number(
            f"error at {words.times(c.factor)}",
            words.percent(c.error_pct),
            f"{words.percent(100 * c.coverage)} of {c.held_out} runs inside "
            f"{words.level_text(test.level)}",
            f"straight line {words.percent(c.rivals['straight line'])}",
        )
        for c in test.cuts[-MOST:]
    )
    return Headline("Backtest", "plain" if test.cuts else "bad", numbers, words.tested(test))


def _card(card: Scorecard) -> Headline:
    told = f"{len(card.scored)} scored, {len(card.open)} open"
    if not card.scored:
        return Headline("Nothing scored yet", "plain", (), told)
    ninety = next(c for c in card.coverage if c.level == 0.9)
    numbers = (
        Number("mean error", words.percent(card.error_pct),
               f"straight line {words.percent(card.rival_pct())}"),
        Number("truths inside 90 %", f"{ninety.inside} of {ninety.of}",
               f"such intervals hold {100 * ninety.lo:.0f} to {100 * ninety.hi:.0f} %"),
    )  # fmt: skip
    badge = "Too sure" if not all(c.hi >= c.level for c in card.coverage) else "Word kept so far"
    badge = "Beaten by a line" if badge == "Word kept so far" and card.doubts else badge
    return Headline(badge, "bad" if card.doubts else "good", numbers, told, card.doubts)


def _comparison(made: Comparison) -> Headline:
    c, level = made.main, words.level_text(made.level)
    m = c.multiplier
    numbers = (
        Number(
            f"{made.scale} saved by {short(c.method)}",
            _methods.factor(m.value),
            f"{level}: {_methods.factor(m.lo)} to {_methods.factor(m.hi)}",
            f"at {made.scale} = {format_number(c.target, 3)}, against {short(c.baseline)}",
        ),
        Number(
            "chance that it leads there", words.percent(100 * c.p_better), "", "of the resamples"
        ),
        Number("p, one law for both", f"{c.p_same:.2g}", _methods.DIFFERS[c.shape], "differs"),
    )
    badge = "Trusted" if made.trusted else "Not to be trusted"
    return Headline(badge, "good" if made.trusted else "bad", numbers, c.verdict, made.reasons)


def _check(made: Check) -> Headline:
    promised = words.level_text(made.level)
    numbers = tuple(
        Number(f"cover, of {promised}", f"{100 * o.worst.own.value:.0f} %",
               f"parameters alone, {o.worst.own.of} tables", f"if: {o.name}")
        for o in made.outcomes[:1] + ((made.worst,) if made.worst is not made.outcomes[0] else ())
    )  # fmt: skip
    need = made.needed
    numbers += (
        Number("width, average run", words.percent(need.now_pct),
               f"wanted {words.percent(need.wanted_pct)}", format_place(need.inputs)),
    )  # fmt: skip
    badge = "Intervals hold" if made.trusted else "Intervals do not hold"
    tone = "good" if made.trusted else "bad"
    more = tuple(d for d in made.doubts if d != made.verdict)
    return Headline(badge, tone, numbers, made.verdict, more)


def _multiverse(made: Multiverse) -> Headline:
    fan = {k: format_number(v, 3) for k, v in made.fan.items()}
    numbers = [
        Number(
            f"{made.name} by default",
            made.default_text(),
            f"{words.level_text(made.level)}: {words.interval(*made.interval())}",
            made.words,
        ),
        Number(
            f"{made.name} over {len(made.values)} universes",
            f"{fan['min']} to {fan['max']}",
            f"half of them {fan['25 %']} to {fan['75 %']}",
            made.spread_text(),
        ),
    ]
    if made.dimensions:
        top = made.dimensions[0]
        numbers.append(
            Number(
                "moved most by",
                short(top.name, 30),
                f"{words.percent(100 * top.total)} of the variance",
                made.mover_text(),
            )
        )
    badge = "Can stand alone" if made.trusted else "Not to be quoted alone"
    return Headline(
        badge, "good" if made.trusted else "bad", tuple(numbers), made.turn_text(), made.reasons
    )
