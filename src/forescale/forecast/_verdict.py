"""Whether to bet on a forecast, and if not, why not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from forescale.fit import Fit
from forescale.forecast._scale import Distance
from forescale.forecast.backtest import Backtest
from forescale.quantities import short

#: Beyond this factor no public suite that we hold checks any forecast.
FARTHEST = 100.0
#: A forecast may reach this many times farther (in factors) than its backtest did.
BEYOND_TEST = 30.0
#: A law whose error is above this share of a straight line's has not shown that it knows more.
NO_BETTER = 0.95
#: Intervals widened by less for what the backtest told need no word.
NOTABLE = 1.2
#: Headers of rates of error.
RATE = re.compile(r"(?:^|[^a-z])(?:err|error|acc|accuracy)(?![a-z])", re.IGNORECASE)
#: How far beyond the runs a law of a loss still told such a rate: farther out, public tables held
#: two in three of its 90 % intervals (`benchmarks/RESULTS.md`).
RATE_REACH = 3.0
#: An interval wider than this share of the forecast decides nothing.
WIDEST = 0.2


class _Band(Protocol):
    @property
    def median(self) -> float: ...
    @property
    def lo(self) -> float: ...
    @property
    def hi(self) -> float: ...


class _Point(Protocol):
    @property
    def distance(self) -> Distance: ...
    @property
    def band(self) -> _Band: ...


@dataclass(frozen=True)
class Verdict:
    """The verdict on a forecast.

    Args:
        trusted: Whether we would bet on the interval.
        text: One line: how far, how the backtest went there, and why not if not.
        reasons: Each reason against, alone.
    """

    trusted: bool
    text: str
    reasons: tuple[str, ...]


def judge(fit: Fit, points: Sequence[_Point], test: Backtest | None) -> Verdict:
    """The verdict on forecasts at some points; the farthest decides."""
    farthest = max(points, key=lambda p: p.distance.decades)
    factor = farthest.distance.factor
    reasons = [f.message for f in fit.flags if f.severity == "fail"]
    where = farthest.distance.text()
    head = f"extrapolates {where}" if where else "within the range of the runs"
    if test is None or not test.cuts:
        why = test.skipped[0] if test is not None and test.skipped else "no backtest was made"
        reasons.append(why)
        tested = "no backtest"
    else:
        cut = test.nearest(factor)
        assert cut is not None
        tested = (
            f"backtest at {cut.factor:.3g}x: error {cut.error_pct:.2g} % "
            f"({round(cut.coverage * cut.held_out)} of {cut.held_out} held-out runs inside), "
            f"straight line {cut.rivals['straight line']:.2g} %"
        )
        if test.widening > NOTABLE:
            # The coverage above is from before the widening that it led to.
            tested += f", intervals widened {test.widening:.2g}x since"
        own, line = test.error_pct, test.line_pct
        if own > 1.2 * line:
            reasons.append(
                "a straight line on log-log forecast the held-out runs better "
                f"({line:.2g} % against {own:.2g} %)"
            )
        elif own > NO_BETTER * line and fit.spec.log_residual and own > 200 * fit.sigma:
            # Within the noise a line may be as good as the truth; beyond it the law is not it.
            reasons.append(
                f"held-out runs were forecast no better than by a straight line on log-log "
                f"({own:.2g} % against {line:.2g} %)"
            )
        elif own > 100 * WIDEST:
            reasons.append(f"the backtest missed by {own:.2g} % on average")
        if factor > max(BEYOND_TEST * test.reach, 10.0) and factor <= FARTHEST:
            reasons.append(f"the backtest reaches only {test.reach:.3g}x")
        bound = [n for n, b in zip(fit.names, fit.at_bound, strict=True) if b]
        if bound and factor > max(test.reach, 3.0):
            # As far as the backtest went, it vouches for a law without a floor, say.
            reasons.append(
                f"{', '.join(bound)} at the bound: the runs do not tell it, and it decides "
                f"farther out than the backtest reaches ({test.reach:.3g}x)"
            )
        if test.misfit > 3.0:
            reasons.append(
                f"the backtest's errors were {test.misfit:.1f} times what the intervals allow"
            )
    if factor > FARTHEST:
        reasons.append(
            f"{factor:.3g}x is past two decades beyond the runs, where no public suite that we "
            "hold checks any law"
        )
    if factor > RATE_REACH and (name := _rate(fit)):
        reasons.append(
            f"'{short(name)}' reads as an error rate: near chance it follows no law of a loss, and "
            f"beyond {RATE_REACH:g}x such intervals held too rarely on public tables"
        )
    widest = max((p.band.hi - p.band.lo) / max(abs(p.band.median), 1e-300) for p in points)
    if fit.spec.log_residual and widest > WIDEST:
        reasons.append(f"the interval is {100 * widest:.0f} % wide")
    if not reasons:
        return Verdict(True, f"{head}; {tested}", ())
    return Verdict(
        False, f"{head}; {tested}; not to be trusted because {'; '.join(reasons)}", tuple(reasons)
    )


def _rate(fit: Fit) -> str | None:
    """The header of what was fitted as a loss, where it reads as a rate of error."""
    name = fit.runs.names.get("L", "") if fit.law.predicts == "L" else ""
    return name if RATE.search(name) and float(fit.problem.y.max()) <= 1 else None
