"""A check by simulation as tables of words."""

from __future__ import annotations

import math

from forescale.forecast.check import Check, Outcome
from forescale.quantities import format_number, format_place
from forescale.report import _words as words
from forescale.report._tables import Table


def coverage(made: Check) -> Table:
    """How often the intervals held the truth, by world and place."""
    many = any(len(o.places) > 1 for o in made.outcomes)
    rows = tuple(
        (
            o.name + ("" if o.likely else " (ruled out)"),
            *([format_place(p.inputs)] if many else []),
            p.own.text,
            p.ours.text,
            _signed(p.bias_pct),
            words.percent(p.width_pct),
            words.percent(p.our_width_pct),
        )
        for o in made.outcomes
        for p in o.places
    )
    head = ("if", *(("at",) if many else ()), "parameters alone cover", "the forecast covers",
            "bias", "width", "forecast's width")  # fmt: skip
    at = "" if many else f" at {format_place(made.forecast.points[0].inputs)}"
    return Table(
        head=head,
        rows=rows,
        left=frozenset({"if", "at"}),
        title=f"Coverage of {words.level_text(made.level)} intervals{at}",
        note=f"Each world: {made.tables} tables like the user's, analysed alike; the forecast's "
        "interval in one of five. In brackets what so few tables leave open (90 %). Parameters "
        "alone are held against what the law truly says, the forecast against a new run. Widths "
        "and bias are medians, in per cent of the truth.",
    )


def meanings(made: Check) -> tuple[str, ...]:
    """What is true in each world, one line each."""
    return tuple(f"{o.name}: {o.what}" for o in made.outcomes)


def parameters(made: Check) -> Table:
    """How often each parameter's interval held the truth, in the worlds where the law is true."""
    told = [o for o in made.outcomes if o.params]
    return Table(
        head=("if", *made.fit.names),
        rows=tuple((o.name, *(_share(o, n) for n in made.fit.names)) for o in told),
        left=frozenset({"if"}),
        title="Coverage of each parameter",
        note=f"Share of {words.level_text(made.level)} intervals that held the true value.",
    )


def ways(made: Check) -> Table:
    """What a narrower forecast takes."""
    need = made.needed
    return Table(
        head=("with", "times", "runs", "compute", "width", "verified"),
        rows=tuple(
            (
                _NAMES[w.name] + f", {w.what}" if w.name in ("runs", "groups") else w.what,
                f"{format_number(w.factor, 2)}x" if w.factor is not None else "not reached",
                f"{w.runs:,}" if w.factor is not None else "-",
                f"{format_number(w.cost, 2)}x" if w.factor is not None else "-",
                words.percent(w.width_pct),
                "-" if w.verified_pct is None else words.percent(w.verified_pct),
            )
            for w in need.ways
        ),
        left=frozenset({"with"}),
        title=f"What tells the average run at {format_place(need.inputs)} to "
        f"{words.percent(need.wanted_pct)}",
        note=f"Now {words.percent(need.now_pct)}, from {parts(made)}. Compute in units of the "
        "present runs'. Where a way does not lead there, the width is the least it leads to. "
        "Verified: from tables simulated on that design and fitted.",
    )


_NAMES = {"runs": "more runs", "groups": "more runs"}


def parts(made: Check) -> str:
    """Where the width comes from: "parameters 62 %, noise of the run itself 30 %"."""
    shares = sorted(made.needed.parts.items(), key=lambda i: -i[1])
    return ", ".join(f"{name} {100 * v:.0f} %" for name, v in shares) + " of its variance"


def _share(o: Outcome, name: str) -> str:
    share = o.params[name]
    return f"{100 * share.value:.0f} %" if share.of else "-"


def _signed(x: float) -> str:
    if not math.isfinite(x):
        return "-"
    return ("+" if x >= 0 else "-") + words.percent(abs(x))
