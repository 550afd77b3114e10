"""Predictions with intervals at new places, and the backtest that earns them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption
from forescale.fit import Fit
from forescale.forecast._predictive import predictive
from forescale.forecast._scale import Distance, distance
from forescale.forecast._verdict import Verdict, judge
from forescale.forecast.backtest import Backtest, Cut, backtest, of_fit
from forescale.forecast.choose import candidates, choose
from forescale.quantities import format_number
from forescale.uncertainty import assess

__all__ = [
    "Backtest",
    "Cut",
    "Distance",
    "Forecast",
    "Point",
    "Verdict",
    "backtest",
    "candidates",
    "choose",
    "forecast",
]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """A median with an interval around it."""

    median: float
    lo: float
    hi: float

    def to_dict(self) -> dict[str, float]:
        """As plain values."""
        return {"median": self.median, "lo": self.lo, "hi": self.hi}


@dataclass(frozen=True)
class Point:
    """A forecast at one place.

    Args:
        inputs: Where.
        output: What is forecast, such as "L".
        band: What a new run would measure: parameters, choice of law, run noise, the
            backtest's inflation and drift.
        parameters: Doubt of the parameters (and laws) alone: what a bootstrap would print.
        distance: How far the place lies outside the data.
        group: Whose parameters were used.
    """

    inputs: Mapping[str, float]
    output: str
    band: Band
    parameters: Band
    distance: Distance
    group: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The point as plain values; the forecast stands under the output's name."""
        return {
            "inputs": dict(self.inputs),
            self.output: self.band.to_dict(),
            "parameters_only": self.parameters.to_dict(),
            "beyond": dict(self.distance.factors),
            "decades_beyond": self.distance.decades,
            "group": self.group,
        }


@dataclass(frozen=True, eq=False)
class Forecast:
    """What runs that nobody has made would measure, and whether to bet on it.

    Args:
        fit: The fit behind it.
        points: One per place asked for.
        level: Level of the intervals.
        verdict: Whether it is to be trusted, and why not.
        backtest: The backtest behind the verdict.
        drift: Relative standard deviation per decade beyond the data that was added.
    """

    fit: Fit
    points: tuple[Point, ...]
    level: float
    verdict: Verdict
    backtest: Backtest | None
    drift: float | None

    @property
    def trusted(self) -> bool:
        """Whether we would bet on the intervals."""
        return self.verdict.trusted

    def __repr__(self) -> str:
        shown = "; ".join(
            f"{_place(p.inputs)}: {p.output} {p.band.median:.4g} [{p.band.lo:.4g}, {p.band.hi:.4g}]"
            for p in self.points[:3]
        )
        more = f" and {len(self.points) - 3} more" if len(self.points) > 3 else ""
        trust = "trusted" if self.trusted else "NOT to be trusted"
        return f"Forecast({self.fit.law.name}; {shown}{more}; {trust})"

    def summary(self) -> str:
        """The points, one line each, and the verdict."""
        lines = [
            f"{_place(p.inputs)}: {p.output} = {p.band.median:.4g}, "
            f"{100 * self.level:.0f} % interval {p.band.lo:.4g} to {p.band.hi:.4g}"
            for p in self.points
        ]
        return "\n".join([*lines, self.verdict.text])

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"

    def to_dict(self) -> dict[str, Any]:
        """The forecast as plain values."""
        from forescale import __version__

        return {
            "schema": 1,
            "kind": "forecast",
            "law": self.fit.law.name,
            "formula": self.fit.law.formula,
            "level": self.level,
            "points": [p.to_dict() for p in self.points],
            "verdict": self.verdict.text,
            "trusted": self.verdict.trusted,
            "reasons": list(self.verdict.reasons),
            "drift_per_decade": self.drift,
            "inflation": self.backtest.inflation if self.backtest else None,
            "mixture": [
                {"law": f.law.name, "weight": w} for w, f in (self.fit.rivals or ((1.0, self.fit),))
            ],
            "n_runs": len(self.fit.runs),
            "data_hash": self.fit.runs.hash,
            "source": self.fit.runs.source,
            "seed": self.fit.spec.seed,
            "version": __version__,
        }


def _place(inputs: Mapping[str, float]) -> str:
    return ", ".join(f"{n}={format_number(v)}" for n, v in inputs.items())


def places(fit: Fit, at: Mapping[str, ArrayLike]) -> list[dict[str, float]]:
    """Places to forecast, one dictionary each, from columns of equal or single length.

    Of N, D and C any two give the third (C = 6 N D).

    Raises:
        BadOption: If an input is missing, unknown, not positive, or lengths differ.
    """
    columns = {k: np.atleast_1d(np.asarray(v, float)) for k, v in at.items()}
    wanted = fit.law.inputs
    if "C" in columns:
        if "D" in wanted and "D" not in columns and "N" in columns:
            columns["D"] = columns["C"] / (6 * columns["N"])
        if "N" in wanted and "N" not in columns and "D" in columns:
            columns["N"] = columns["C"] / (6 * columns["D"])
    if "C" in wanted and "C" not in columns and {"N", "D"} <= set(columns):
        columns["C"] = 6 * columns["N"] * columns["D"]
    missing = [i for i in wanted if i not in columns]
    if missing:
        raise BadOption(
            f"law '{fit.law.name}' needs {', '.join(wanted)}; {', '.join(missing)} is missing",
            fix=" ".join(f"--{i} VALUE" for i in missing),
        )
    lengths = {len(columns[i]) for i in wanted} - {1}
    if len(lengths) > 1:
        raise BadOption(
            "inputs have different lengths: " + ", ".join(f"{i} {len(columns[i])}" for i in wanted)
        )
    n = max(lengths, default=1)
    out = []
    for k in range(n):
        place = {i: float(columns[i][k if len(columns[i]) > 1 else 0]) for i in wanted}
        for i, v in place.items():
            if not np.isfinite(v) or (v <= 0 and i in fit.problem.logged and v != 0):
                raise BadOption(f"{i} is {v:g}", fix="give a positive number such as 7B or 2e12")
        out.append(place)
    return out


def forecast(
    fit: Fit,
    at: Mapping[str, ArrayLike],
    *,
    level: float | None = None,
    group: str | None = None,
    test: Backtest | bool = True,
    drift: float | None = None,
    resamples: int = 1000,
) -> Forecast:
    """Forecasts with intervals at new places, and a verdict.

    The interval is for what a new run would measure. It holds the doubt of the parameters, of
    the law's form where several were kept, the noise of a single run, the factor by which the
    backtest shows such intervals to be too narrow, and a drift that grows with every decade
    beyond the data.

    Args:
        fit: A fit; draws are made if it has none.
        at: Inputs, numbers or arrays of equal length; any two of N, D, C give the third.
        level: Level of the intervals; the fit's by default.
        group: Whose parameters to use, for a fit with groups.
        test: A backtest to build on, True to make one, False to go without.
        drift: Relative standard deviation per decade beyond the data.
        resamples: Parameter draws, if they must be made.

    Raises:
        BadOption: If the places cannot be used.
    """
    level = fit.level if level is None else level
    if not 0 < level < 1:
        raise BadOption(f"level {level:g} is no probability", fix="as in --level 0.9")
    fit = with_draws(fit, level=level, resamples=resamples)
    here = places(fit, at)
    method = fit.draws.method if fit.draws is not None else "auto"
    tested = of_fit(fit, level=level, method=method) if test is True else test or None
    far = [distance(fit.runs, fit.law, p) for p in here]
    columns = {i: np.array([p[i] for p in here]) for i in fit.law.inputs}
    columns |= {k: _column(at[k], len(here)) for k in at if k not in columns}
    inflation = tested.inflation if tested is not None else 1.0
    p = predictive(
        fit,
        columns,
        np.array([d.decades for d in far]),
        inflation=inflation,
        drift=drift,
        group=group,
        seed=fit.spec.seed,
    )
    tail = 0.5 * (1 - level)
    q = [tail, 0.5, 1 - tail]
    total, own = np.quantile(p.total, q, axis=0), np.quantile(p.parameters, q, axis=0)
    points = tuple(
        Point(
            inputs=here[k],
            output=fit.law.predicts,
            band=Band(float(total[1, k]), float(total[0, k]), float(total[2, k])),
            parameters=Band(float(own[1, k]), float(own[0, k]), float(own[2, k])),
            distance=far[k],
            group=group,
        )
        for k in range(len(here))
    )
    verdict = judge(fit, points, tested)
    return Forecast(fit, points, level, verdict, tested, drift)


def _column(values: ArrayLike, n: int) -> Array:
    """An input that only a rival law reads, at each of n places."""
    return np.array(np.broadcast_to(np.asarray(values, float), (n,)))


def with_draws(fit: Fit, *, level: float, resamples: int = 1000) -> Fit:
    """The fit, and each of its rivals, with draws."""
    if fit.draws is None:
        fit = assess(fit, resamples=resamples, level=level)
    if any(f.draws is None for _, f in fit.rivals):
        method = fit.draws.method if fit.draws is not None else "auto"
        rivals: Sequence[tuple[float, Fit]] = [
            (
                w,
                fit
                if f.law is fit.law
                else assess(f, method, resamples=max(300, resamples // 2), level=level),
            )
            for w, f in fit.rivals
        ]
        fit = replace(fit, rivals=tuple((w, replace(f, rivals=())) for w, f in rivals))
    return fit
