"""A comparison of methods as tables of words."""

from __future__ import annotations

import math

from forescale.compare import Comparison, Contrast, Estimate
from forescale.quantities import format_number, short
from forescale.report import _words as words
from forescale.report._tables import Table

#: What differs, in words.
DIFFERS = {
    "same": "nothing told",
    "offset": "offset",
    "exponent": "exponent",
    "shape": "exponent or floor",
}


def contrasts(made: Comparison) -> Table:
    """Each method against the baseline: what it saves, what differs, where they cross."""
    return Table(
        head=("method", f"{made.scale} saved", f"{words.level_text(made.level)} interval", "ahead",
              "p, same law", "differs in", "crossing"),
        rows=tuple(
            (short(c.method), factor(c.multiplier.value), _span(c.multiplier),
             words.percent(100 * c.p_better), f"{c.p_same:.2g}", DIFFERS[c.shape], _crossing(c))
            for c in made.contrasts
        ),
        left=frozenset({"method", "differs in", "crossing"}),
        title=f"Against {short(made.baseline)} at {made.scale} = {format_number(made.target, 3)}",
        note=f"{made.scale} saved: how many times more of it {short(made.baseline)} needs to be "
        "where the method is. Ahead: share of the resamples in which the method leads there. p: "
        "of one law for both, from a bootstrap under that hypothesis"
        + (", corrected by Holm." if len(made.contrasts) > 1 else "."),
    )  # fmt: skip


def multipliers(made: Comparison) -> Table:
    """What the main method saves at several scales."""
    c = made.main
    return Table(
        head=(made.scale, f"{made.scale} saved", f"{words.level_text(made.level)} interval"),
        rows=tuple((format_number(x, 3), factor(m.value), _span(m)) for x, m in c.curve),
        title=f"{short(c.method)} against {short(c.baseline)}, by scale",
    )


def tests(made: Comparison) -> Table:
    """What the main method and the baseline could share."""
    c = made.main
    return Table(
        head=("hypothesis", "statistic", "p"),
        rows=tuple((name, f"{t.statistic:.2f}", f"{t.p_holm:.2g}") for name, t in c.tests.items()),
        left=frozenset({"hypothesis"}),
        title=f"What {short(c.method)} and {short(c.baseline)} share",
        note="Likelihood-ratio tests against laws that share nothing; p from "
        f"{made.resamples} resamples under the hypothesis. Weights of the nested laws (BIC), by "
        "what is free: " + ", ".join(f"{n} {w:.2f}" for n, w in c.weights.items()) + ".",
    )


def parameters(made: Comparison) -> Table:
    """Every parameter of every method, with its interval."""
    return Table(
        head=("method", *made.parameters),
        rows=tuple(
            (short(m), *(_bounded(of[m]) for of in made.parameters.values())) for m in made.fits
        ),
        left=frozenset({"method"}),
        title="Parameters of each method",
        note=f"Intervals: {words.level_text(made.level)}, noise redrawn; {made.design.note}.",
    )


def best(made: Comparison) -> Table | None:
    """Probability of being the best, where there are more than two methods."""
    if len(made.p_best) < 3:
        return None
    return Table(
        head=("method", "probability of being best"),
        rows=tuple((short(m), words.percent(100 * p)) for m, p in made.p_best.items()),
        left=frozenset({"method"}),
        title=f"Best at {made.scale} = {format_number(made.target, 3)}",
    )


def factor(x: float) -> str:
    """A multiplier: "1.9x"; of one that was not found, which side it lies on."""
    if not math.isfinite(x):
        return "beyond reach" if x > 0 else "-"
    return f"{format_number(x, 3)}x"


def _span(m: Estimate) -> str:
    return f"{factor(m.lo)} to {factor(m.hi)}"


def _bounded(e: Estimate) -> str:
    return f"{words.rounded(e.value, e.hi - e.lo)} [{words.interval(e.lo, e.hi)}]"


def _crossing(c: Contrast) -> str:
    cross = c.crossover
    if cross.at is not None:
        return format_number(cross.at.value, 3)
    if cross.none_before is None:
        return "not excluded"
    return f"none before {format_number(cross.none_before, 3)}"
