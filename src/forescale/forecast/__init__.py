"""Predictions with intervals at new places, and the backtest that earns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, NotReached, check_level
from forescale.fit import Fit
from forescale.forecast._cuts import Cut
from forescale.forecast._predictive import predictive, with_draws
from forescale.forecast._scale import Distance, distance
from forescale.forecast._verdict import WIDEST, Verdict, judge
from forescale.forecast.backtest import Backtest, backtest, of_fit
from forescale.forecast.choose import candidates, choose
from forescale.forecast.drift import Doubt, doubt
from forescale.forecast.joint import Joint, simultaneous
from forescale.forecast.rivals import naively
from forescale.quantities import format_place, recognise
from forescale.summarised import Summarised

__all__ = [
    "QUANTILES",
    "WIDEST",
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
    "with_draws",
]

Array = NDArray[np.float64]

#: Probabilities at which a forecast is put on record: those that forecast hubs agreed on
#: (Bracher et al. 2021), so that scores can be held against theirs.
QUANTILES = (0.01, 0.025, *(k / 20 for k in range(1, 20)), 0.975, 0.99)


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
        quantiles: Of the distribution behind `band`, by probability.
        rivals: What the naive forecasts say there.
        shares: Where the variance behind `band` comes from, by source; they add up to 1.
    """

    inputs: Mapping[str, float]
    output: str
    band: Band
    parameters: Band
    distance: Distance
    group: str | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)
    rivals: Mapping[str, float] = field(default_factory=dict)
    shares: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The point as plain values; the forecast stands under the output's name."""
        return {
            "inputs": dict(self.inputs),
            self.output: self.band.to_dict(),
            "parameters_only": self.parameters.to_dict(),
            "beyond": dict(self.distance.factors),
            "decades_beyond": self.distance.decades,
            "group": self.group,
            "quantiles": {f"{p:g}": v for p, v in self.quantiles.items()},
            "rivals": dict(self.rivals),
            "shares": dict(self.shares),
        }


@dataclass(frozen=True, eq=False)
class Forecast(Summarised):
    """What runs that nobody has made would measure, and whether to bet on it.

    Args:
        fit: The fit behind it.
        points: One per place asked for.
        level: Level of the intervals.
        verdict: Whether it is to be trusted, and why not.
        backtest: The backtest behind the verdict.
        drift: Relative standard deviation per decade beyond the data, where it was given.
        joint: Where there are several points: the band that holds all of them at once, and
            intervals of their mean and of the largest.
    """

    fit: Fit
    points: tuple[Point, ...]
    level: float
    verdict: Verdict
    backtest: Backtest | None
    drift: float | None
    joint: Joint | None = None

    @property
    def doubt(self) -> Doubt:
        """How far the fit's own intervals were believed."""
        return self.backtest.doubt if self.backtest is not None else doubt()

    @property
    def trusted(self) -> bool:
        """Whether we would bet on the intervals."""
        return self.verdict.trusted

    def __repr__(self) -> str:
        shown = "; ".join(
            f"{format_place(p.inputs)}: {p.output} {p.band.median:.4g} "
            f"[{p.band.lo:.4g}, {p.band.hi:.4g}]"
            for p in self.points[:3]
        )
        more = f" and {len(self.points) - 3} more" if len(self.points) > 3 else ""
        trust = "trusted" if self.trusted else "NOT to be trusted"
        return f"Forecast({self.fit.law.name}; {shown}{more}; {trust})"

    def summary(self) -> str:
        """The points, one line each, and the verdict."""
        lines = [
            f"{format_place(p.inputs)}: {p.output} = {p.band.median:.4g}, "
            f"{100 * self.level:.0f} % interval {p.band.lo:.4g} to {p.band.hi:.4g}"
            for p in self.points
        ]
        return "\n".join([*lines, self.verdict.text])

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
            "joint": self.joint.to_dict() if self.joint is not None else None,
            "verdict": self.verdict.text,
            "trusted": self.verdict.trusted,
            "reasons": list(self.verdict.reasons),
            "drift_per_decade": self.drift,
            "inflation": self.doubt.inflation,
            "drift": self.doubt.change,
            "mixture": [
                {"law": f.law.name, "weight": w} for w, f in (self.fit.rivals or ((1.0, self.fit),))
            ],
            "n_runs": len(self.fit.runs),
            "data_hash": self.fit.runs.hash,
            "source": self.fit.runs.source,
            "seed": self.fit.spec.seed,
            "version": __version__,
        }


def places(fit: Fit, at: Mapping[str, ArrayLike]) -> list[dict[str, float]]:
    """Places to forecast, one dictionary each, from columns of equal or single length.

    Of N, D and C any two give the third (C = 6 N D).

    Raises:
        BadOption: If an input is missing, unknown, negative or no number, if lengths differ, or
            if N, D and C contradict each other.
    """
    columns = _columns(fit, at)
    wanted = fit.law.inputs
    if missing := [i for i in wanted if i not in columns]:
        raise BadOption(
            f"law '{fit.law.name}' needs {', '.join(wanted)}; {', '.join(missing)} is missing",
            fix=" ".join(f"--{i} VALUE" for i in missing),
        )
    n = len(next(iter(columns.values())))
    return [{i: float(columns[i][k]) for i in wanted} for k in range(n)]


def _columns(fit: Fit, at: Mapping[str, ArrayLike]) -> dict[str, Array]:
    """What the law, or a rival, reads at each place; each of shape (places,)."""
    wanted = fit.law.inputs
    # Rival laws may read inputs that the law itself does not.
    known = {i for f in (fit, *(f for _, f in fit.rivals)) for i in f.law.inputs}
    given: dict[str, Array] = {}
    for k, v in at.items():
        name = k if k in known else recognise(k) or k
        if name not in known | {"N", "D", "C"}:
            raise BadOption(
                f"law '{fit.law.name}' has no input {name}", fix=f"it has {', '.join(wanted)}"
            )
        given[name] = np.atleast_1d(np.asarray(v, float))
        allowed = np.isfinite(given[name])
        if name in {"N", "D", "C"}:
            allowed &= given[name] > 0
        elif name in fit.problem.logged:
            allowed &= given[name] >= 0
        if not allowed.all():
            bad = float(given[name][~allowed][0])
            raise BadOption(f"{name} is {bad:g}", fix="give a positive number such as 7B or 2e12")
    lengths = {len(v) for v in given.values()} - {1}
    if len(lengths) > 1 or 0 in lengths:
        raise BadOption(
            "inputs have different lengths: " + ", ".join(f"{k} {len(v)}" for k, v in given.items())
        )
    n = max(lengths, default=1)
    columns = {k: np.array(np.broadcast_to(v, (n,))) for k, v in given.items()}
    if "C" in columns:
        if "N" in columns and "D" in columns:
            _agree(columns)
        elif "N" in columns:
            columns["D"] = columns["C"] / (6 * columns["N"])
        elif "D" in columns:
            columns["N"] = columns["C"] / (6 * columns["D"])
    elif {"N", "D"} <= set(columns):
        columns["C"] = 6 * columns["N"] * columns["D"]
    return columns


def _agree(columns: Mapping[str, Array]) -> None:
    """Refuse N, D and C that contradict each other."""
    six, given = 6 * columns["N"] * columns["D"], columns["C"]
    off = np.abs(six / given - 1)
    i = int(np.argmax(off))
    if off[i] > 0.1:
        raise BadOption(
            f"N, D and C do not agree: 6 N D = {six[i]:.3g}, C = {given[i]:.3g}",
            fix="give any two of them",
        )


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
    the law's form where several were kept, the noise of a single run, and, as the backtest and
    published tables teach (`drift.py`), the factor by which such intervals are too narrow and
    the drift of the truth off any law, a share of what the law says will change beyond the data.

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
        NotReached: If the law has no finite value there.
    """
    level = fit.level if level is None else level
    check_level(level)
    fit = with_draws(fit, level=level, resamples=resamples)
    here = places(fit, at)
    tested = of_fit(fit, level=level) if test is True else test or None
    far = [distance(fit.runs, fit.law, p) for p in here]
    columns = _columns(fit, at)
    p = predictive(
        fit,
        columns,
        found=tested.doubt if tested is not None else None,
        drift=None if drift is None else drift * np.array([d.decades for d in far]),
        group=group,
        seed=fit.spec.seed,
    )
    finite = np.isfinite(p.centre) & np.isfinite(p.total).all(0)
    if not finite.all():
        at_fault = format_place(here[int(np.argmin(finite))])
        raise NotReached(
            f"law '{fit.law.name}' as fitted has no finite value at {at_fault}",
            where=fit.runs.source,
            fix="forecast a place nearer to the runs, or use another law",
        )
    tail = 0.5 * (1 - level)
    q = [tail, 0.5, 1 - tail]
    total, own = np.quantile(p.total, q, axis=0), np.quantile(p.parameters, q, axis=0)
    grid = np.quantile(p.total, QUANTILES, axis=0)
    naive = naively(fit, columns, group)
    shares = p.shares()
    points = tuple(
        Point(
            inputs=here[k],
            output=fit.law.predicts,
            band=Band(float(total[1, k]), float(total[0, k]), float(total[2, k])),
            parameters=Band(float(own[1, k]), float(own[0, k]), float(own[2, k])),
            distance=far[k],
            group=group,
            quantiles={t: float(v) for t, v in zip(QUANTILES, grid[:, k], strict=True)},
            rivals={name: float(v[k]) for name, v in naive.items()},
            shares={source: float(v[k]) for source, v in shares.items()},
        )
        for k in range(len(here))
    )
    verdict = judge(fit, points, tested)
    joint = simultaneous(p.total, level) if len(points) > 1 else None
    return Forecast(fit, points, level, verdict, tested, drift, joint)
