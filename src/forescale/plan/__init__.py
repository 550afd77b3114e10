"""How to spend a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale import laws
from forescale.errors import BadOption, BadTable, NotReached
from forescale.fit import Fit
from forescale.fit.isoflop import Approach2, approach2
from forescale.fit.optimum import balance, best_size, flat_range
from forescale.forecast import Backtest, Forecast, forecast, with_draws
from forescale.forecast import candidates as worth_trying
from forescale.laws import Law
from forescale.quantities import format_number
from forescale.runs import RunTable
from forescale.summarised import Summarised

__all__ = ["Estimate", "Plan", "candidates", "plan"]

Array = NDArray[np.float64]

#: Draws over which laws that were kept share by weight.
DRAWS = 1000


@dataclass(frozen=True)
class Estimate:
    """A value with the interval of the parameter draws."""

    value: float
    lo: float
    hi: float

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {"value": self.value, "interval": [self.lo, self.hi]}

    def text(self) -> str:
        """Such as "63.1B [55B, 72B]"."""
        return f"{format_number(self.value)} [{format_number(self.lo)}, {format_number(self.hi)}]"


@dataclass(frozen=True, eq=False)
class Plan(Summarised):
    """The compute-optimal size and data for a budget, a size or a number of tokens.

    Args:
        fit: The law behind it.
        given: What was asked: {"C": flops}, {"D": tokens} or {"N": params}.
        optimum: N, D, C and tokens per parameter, each with its interval.
        exponent: a in N_opt ~ C^a at this budget (beta / (alpha + beta) for Chinchilla).
        within: Share of the loss that counts as a tie.
        flat: Sizes between which the loss is within that share of the optimum.
        isoflop: The answer through measured iso-FLOP parabolas, or why there is none.
        forecast: The loss at the optimum, with its verdict.
        lost: Share of the draws that have no optimum.
        level: Level of the intervals.
    """

    fit: Fit
    given: Mapping[str, float]
    optimum: Mapping[str, Estimate]
    exponent: Estimate
    within: float
    flat: tuple[float, float]
    isoflop: Approach2 | str
    forecast: Forecast
    lost: float
    level: float

    def __repr__(self) -> str:
        n, d = self.optimum["N"], self.optimum["D"]
        trust = "trusted" if self.forecast.trusted else "NOT to be trusted"
        return (
            f"Plan({_asked(self.given)}: N={n.text()}, D={d.text()}, "
            f"{self.optimum['tokens_per_param'].value:.3g} tokens per parameter; {trust})"
        )

    def summary(self) -> str:
        """The optimum, the flat range, the other approach, the verdict."""
        o = self.optimum
        lines = [
            f"compute-optimal for {_asked(self.given)} by {self.fit.law.name}:",
            *(f"  {k} = {o[k].text()}" for k in ("N", "D", "C") if k not in self.given),
            f"  tokens per parameter = {o['tokens_per_param'].text()}",
            f"  N_opt grows as C^a, a = {self.exponent.value:.3f} "
            f"[{self.exponent.lo:.3f}, {self.exponent.hi:.3f}]",
            f"  {self.flat_text()}",
            f"  iso-FLOP parabolas: {self.isoflop_text()}",
            self.forecast.summary(),
        ]
        return "\n".join(lines)

    def flat_text(self) -> str:
        """Such as "between 3B and 9B you lose less than 0.5 %"."""
        lo, hi = self.flat
        ends = f"between {format_number(lo)} and {format_number(hi)}"
        if lo == 0.0:
            ends = f"below {format_number(hi)}"
        elif not np.isfinite(hi):
            ends = f"above {format_number(lo)}"
        return f"{ends} parameters you lose less than {100 * self.within:.2g} %"

    def isoflop_text(self) -> str:
        """The other approach's answer in one line."""
        if isinstance(self.isoflop, str):
            return f"none ({self.isoflop})"
        n, e = Estimate(*self.isoflop.n), self.isoflop.exponent
        return (
            f"N = {n.text()}, a = {e[0]:.3f} [{e[1]:.3f}, {e[2]:.3f}] "
            f"from {len(self.isoflop.parabolas)} budgets"
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {
            "schema": 1,
            "kind": "plan",
            "law": self.fit.law.name,
            "formula": self.fit.law.formula,
            "given": dict(self.given),
            "optimum": {k: v.to_dict() for k, v in self.optimum.items()},
            "exponent": self.exponent.to_dict(),
            "flat": {"within": self.within, "N": list(self.flat)},
            "isoflop": {"why": self.isoflop}
            if isinstance(self.isoflop, str)
            else self.isoflop.to_dict(),
            "forecast": self.forecast.to_dict(),
            "draws_without_optimum": self.lost,
            "level": self.level,
        }


def _asked(given: Mapping[str, float]) -> str:
    units = {"C": "FLOPs", "D": "tokens", "N": "parameters"}
    # Compute is written as a power of ten: nobody says 100T FLOPs for 1e14.
    return ", ".join(
        f"{v:.3g} {units[k]}" if k == "C" else f"{format_number(v)} {units[k]}"
        for k, v in given.items()
    )


def candidates(runs: RunTable) -> tuple[str, ...]:
    """Names of the laws worth trying on a table that trade N for D, so that a plan can follow.

    Raises:
        BadTable: If there is none.
    """
    names = tuple(n for n in worth_trying(runs) if _trades(laws.get(n)))
    if not names:
        raise BadTable(
            "a plan trades N for D, and the table does not tell both",
            where=runs.source,
            fix="give runs that vary N and D, named with --map where need be",
        )
    return names


def _trades(law: Law) -> bool:
    """Whether a law in N and D has a best size for a budget, at its typical values."""
    if set(law.inputs) != {"N", "D"}:
        return False
    n, d = (float(np.sqrt(np.prod(law.domain[i]))) for i in ("N", "D"))

    def loss(x: Array, y: Array) -> Array:
        return np.asarray(law.predict({"N": x, "D": y}, law.typical)[None, :])

    _, best = best_size(loss, 6 * n * d, n)
    away = loss(n * np.array([1e-3, 1e3]), d * np.array([1e3, 1e-3]))
    # A product of equal powers is flat: its lowest point is rounding.
    return bool(best[0] < 0.999 * away.min())


def optimal_places(
    fit: Fit, budgets: Sequence[float] | Array, *, group: str | None = None
) -> dict[str, list[float]]:
    """The compute-optimal N and D of each budget in FLOPs.

    Raises:
        BadOption, NotReached: As for `plan`.
    """
    plans = [plan(fit, flops=float(c), group=group, test=False) for c in budgets]
    return {k: [p.optimum[k].value for p in plans] for k in ("N", "D")}


def plan(
    fit: Fit,
    *,
    flops: float | None = None,
    tokens: float | None = None,
    params: float | None = None,
    within: float = 0.005,
    level: float | None = None,
    group: str | None = None,
    test: Backtest | bool = True,
    resamples: int = 1000,
) -> Plan:
    """The compute-optimal size and data, C = 6 N D, with intervals from the draws.

    Args:
        fit: A fit of a law in N and D.
        flops: Budget to spend; or
        tokens: tokens to be spent at the compute-optimal size; or
        params: size to be trained on its compute-optimal tokens. Exactly one of the three.
        within: Share of the loss that counts as a tie, for the flat range.
        level: Level of the intervals; the fit's by default.
        group: Whose parameters to use, for a fit with groups.
        test: As in `forecast`: a backtest to build on, True to make one, False to go without.
        resamples: Parameter draws, if they must be made.

    Raises:
        BadOption: If not exactly one budget is given, it is not positive, or the law has no
            trade between N and D.
        NotReached: If the law has no compute-optimal point there.
    """
    asked = {"C": flops, "D": tokens, "N": params}
    given = {k: float(v) for k, v in asked.items() if v is not None}
    if len(given) != 1:
        raise BadOption(
            "give exactly one of --flops, --tokens and --params", fix="as in --flops 1e24"
        )
    ((what, value),) = given.items()
    if not (np.isfinite(value) and value > 0):
        raise BadOption(f"{what} is {value:g}", fix="give a positive number such as 1e24")
    if not 0 < within < 1:
        raise BadOption(f"--within {within:g}", fix="give a share such as 0.005")
    if set(fit.law.inputs) != {"N", "D"}:
        raise BadOption(
            f"law '{fit.law.name}' is a law in {', '.join(fit.law.inputs)}; a plan trades N for D",
            fix="use a law in N and D, such as --law chinchilla",
        )
    level = fit.level if level is None else level
    fit = with_draws(fit, level=level, resamples=resamples)
    centre_n, centre_d = _centre(fit)

    def drawn(n: Array, d: Array) -> Array:
        return _mixture(fit, n, d, group)

    def own(n: Array, d: Array) -> Array:
        return fit.predict({"N": n, "D": d}, group=group)[None, :]

    budget = value if what == "C" else None
    if budget is None:
        guess = centre_d if what == "N" else centre_n
        partner = balance(
            own,
            params=params,
            tokens=tokens,
            guess=guess * value / (centre_n if what == "N" else centre_d),
        )
        _require(partner, fit, given)
        partners = balance(drawn, params=params, tokens=tokens, guess=float(partner[0]))
        n_point, d_point = (value, float(partner[0])) if what == "N" else (float(partner[0]), value)
        n = np.full(len(partners), value) if what == "N" else partners
        d = partners if what == "N" else np.full(len(partners), value)
        budget = 6 * n_point * d_point
    else:
        point, _ = best_size(own, budget, centre_n * np.sqrt(budget / (6 * centre_n * centre_d)))
        _require(point, fit, given)
        n_point = float(point[0])
        d_point = budget / (6 * n_point)
        n, _ = best_size(drawn, budget, n_point)
        d = budget / (6 * n)
    good = np.isfinite(n) & np.isfinite(d)
    lost = float(1 - good.mean())
    if lost > 0.5:
        raise NotReached(
            f"{100 * lost:.0f} % of the parameter draws have no compute-optimal point",
            where=fit.runs.source,
            fix="the runs do not tell how N trades for D: vary both, or fix an exponent",
        )
    n, d = n[good], d[good]

    def estimate(point_value: float, draws: Array) -> Estimate:
        tail = 50 * (1 - level)
        lo, hi = np.percentile(draws, [tail, 100 - tail])
        return Estimate(point_value, float(lo), float(hi))

    step = np.exp(0.25)
    slopes = []
    for surface, at in ((own, n_point), (drawn, n_point)):
        up, _ = best_size(surface, budget * step, at * np.sqrt(step))
        down, _ = best_size(surface, budget / step, at / np.sqrt(step))
        slopes.append(np.log(up / down) / 0.5)
    slopes[1] = slopes[1][np.isfinite(slopes[1])]
    made = forecast(fit, {"N": n_point, "D": d_point}, level=level, group=group, test=test)
    return Plan(
        fit=fit,
        given=given,
        optimum={
            "N": estimate(n_point, n),
            "D": estimate(d_point, d),
            "C": estimate(budget, 6 * n * d),
            "tokens_per_param": estimate(d_point / n_point, d / n),
        },
        exponent=estimate(float(slopes[0][0]), slopes[1]),
        within=within,
        flat=flat_range(own, budget, n_point, within),
        isoflop=approach2(fit.runs, budget, level=level),
        forecast=made,
        lost=lost,
        level=level,
    )


def _centre(fit: Fit) -> tuple[float, float]:
    n, d = (np.asarray(fit.runs[c], float) for c in ("N", "D"))
    return float(np.exp(np.log(n).mean())), float(np.exp(np.log(d).mean()))


def _mixture(fit: Fit, n: Array, d: Array, group: str | None) -> Array:
    """Losses under draws of every law kept, in proportion to its weight."""
    # A rival that reads more than N and D has no voice here.
    family = [(w, f) for w, f in fit.rivals if set(f.law.inputs) <= {"N", "D"}]
    if not family:
        return fit.predict({"N": n, "D": d}, group=group, draws=True)
    total = sum(w for w, _ in family)
    blocks = []
    for weight, member in family:
        losses = member.predict({"N": n, "D": d}, group=group, draws=True)
        count = round(weight / total * DRAWS)
        blocks.append(losses[np.arange(count) % len(losses)])
    return np.concatenate(blocks)


def _require(point: Array, fit: Fit, given: Mapping[str, float]) -> None:
    if not np.isfinite(point).all():
        raise NotReached(
            f"law '{fit.law.name}' as fitted has no compute-optimal point at {_asked(given)}",
            where=fit.runs.source,
            fix="the law does not trade N for D there; try another, such as --law chinchilla",
        )
