"""Backtest: hold out the largest runs, refit, forecast them, and see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadTable, ForescaleError, TooFewRuns
from forescale.fit import Fit, Spec, fit_spec
from forescale.fit._build import groups_of, needed
from forescale.forecast._cuts import SHARES, Cut, cut_points
from forescale.forecast._predictive import predictive, spread, with_draws
from forescale.forecast._scale import scale_of
from forescale.forecast.choose import again
from forescale.forecast.conformal import at_cuts, said
from forescale.forecast.drift import Doubt, Look, doubt
from forescale.forecast.rivals import RIVALS
from forescale.forecast.scores import coverage, pinball
from forescale.runs import RunTable
from forescale.summarised import Summarised
from forescale.uncertainty import assess

Array = NDArray[np.float64]

#: Draws behind each cut's interval: enough for its ends, few enough to be quick.
DRAWS = 300


@dataclass(frozen=True, eq=False)
class Backtest(Summarised):
    """How a law forecast runs that it had not seen.

    Args:
        law: Name of the law.
        formula: Its formula.
        scale: What the runs were ordered by.
        level: Level of the intervals.
        cuts: From the shortest extrapolation to the longest.
        skipped: Cuts that could not be made, and why.
        source: Table it was made on.
        chosen: The law was chosen anew at each cut, as it was on the whole table.
    """

    law: str
    formula: str
    scale: str
    level: float
    cuts: tuple[Cut, ...]
    skipped: tuple[str, ...]
    source: str
    chosen: bool = False

    @property
    def doubt(self) -> Doubt:
        """How far the fit's own intervals are to be believed, by these cuts and other tables."""
        return doubt([c.look for c in self.cuts])

    @property
    def inflation(self) -> float:
        """Factor on the doubt of parameters and noise that the cuts ask for."""
        return self.doubt.inflation

    @property
    def widening(self) -> float:
        """How many times wider intervals are than those of the cuts, for what the cuts told.

        Below 1 where the held-out runs came closer than such tables usually let them.
        """
        if not self.cuts:
            return 1.0
        look = max(self.cuts, key=lambda c: c.factor).look
        return self.doubt.spread(look) / doubt().spread(look)

    @property
    def misfit(self) -> float:
        """Error in units of what the intervals allowed; at least 1.

        sqrt((2 + sum z^2) / (2 + cuts)): each cut counts once, and two imagined perfect cuts
        keep one unlucky cut from ruling.
        """
        z = [min(c.z, 20.0) for c in self.cuts]
        return float(np.sqrt(max(1.0, (2.0 + sum(v * v for v in z)) / (2.0 + len(z)))))

    def nearest(self, factor: float) -> Cut | None:
        """The cut whose extrapolation is closest to `factor`, in logs."""
        if not self.cuts:
            return None
        return min(self.cuts, key=lambda c: abs(np.log(max(c.factor, 1.0) / max(factor, 1.0))))

    @property
    def error_pct(self) -> float:
        """Mean error over the cuts, in per cent; NaN without cuts."""
        return _mean([c.error_pct for c in self.cuts])

    @property
    def line_pct(self) -> float:
        """The same of a straight line on log-log axes."""
        return _mean([c.rivals["straight line"] for c in self.cuts])

    @property
    def reach(self) -> float:
        """The longest extrapolation that was tested, as a factor."""
        return max((c.factor for c in self.cuts), default=1.0)

    @property
    def conformal(self) -> str:
        """What the misses ask of an interval at each cut's distance; empty without cuts."""
        return said(at_cuts(self.cuts, self.level)) if self.cuts else ""

    def __repr__(self) -> str:
        if not self.cuts:
            return f"Backtest({self.law}: none possible)"
        worst = self.cuts[-1]
        return (
            f"Backtest({self.law}, {len(self.cuts)} cuts, {worst.factor:.3g}x: error "
            f"{worst.error_pct:.2g} %, line {worst.rivals['straight line']:.2g} %)"
        )

    def summary(self) -> str:
        """One line per cut, and one on what their misses ask of an interval."""
        head = f"backtest of {self.law} on {self.source}, runs ordered by {self.scale}"
        if self.chosen:
            head += f"; law chosen anew at each cut: {', '.join(c.law for c in self.cuts)}"
        lines = [
            f"  {c.trained} runs -> {c.held_out} held out, up to {c.factor:.3g}x: error "
            f"{c.error_pct:.2g} %, {100 * c.coverage:.0f} % inside the {100 * self.level:.0f} % "
            f"interval; " + ", ".join(f"{n} {v:.2g} %" for n, v in c.rivals.items())
            for c in self.cuts
        ]
        if self.cuts:
            lines.append(f"  {self.conformal}")
        return "\n".join([head, *lines, *(f"  {s}" for s in self.skipped)])

    def to_dict(self) -> dict[str, Any]:
        """The backtest as plain values."""
        return {
            "schema": 1,
            "kind": "backtest",
            "law": self.law,
            "formula": self.formula,
            "scale": self.scale,
            "level": self.level,
            "inflation": self.inflation,
            "drift": self.doubt.change,
            "widening": self.widening,
            "reach": self.reach,
            "conformal": [s.to_dict() for s in at_cuts(self.cuts, self.level)],
            "cuts": [c.to_dict() for c in self.cuts],
            "skipped": list(self.skipped),
            "law_chosen_at_each_cut": self.chosen,
            "source": self.source,
        }


def _column(runs: RunTable, name: str) -> Array:
    if name not in runs or runs[name].dtype == object:
        raise BadTable(
            f"there is no column of numbers '{name}' to hold out by",
            where=runs.source,
            fix=f"columns: {', '.join(runs.columns)}",
        )
    return np.asarray(runs[name], float)


def _read_by(fit: Fit, runs: RunTable) -> dict[str, Array]:
    """What a fit's law and its rivals read; a law chosen anew may read other inputs."""
    inputs = {i for f in (fit, *(f for _, f in fit.rivals)) for i in f.law.inputs}
    return {i: np.asarray(runs[i], float) for i in sorted(inputs)}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def backtest(
    runs: RunTable,
    spec: Spec,
    *,
    level: float = 0.9,
    method: str = "auto",
    cluster: str | None = None,
    shares: Sequence[float] = SHARES,
    seed: int = 0,
    choice: Fit | None = None,
    along: str | None = None,
) -> Backtest:
    """Forecasts of the largest runs from the smaller ones, at several cut-offs.

    Intervals are those a forecast from the fitted runs would have carried, with what tables are
    like in general (`drift.PRIOR`) and before anything is learned from this one.

    Args:
        runs: The run table.
        spec: What to fit (`Fit.spec`, or `forescale.fit.specify`).
        level: Level of the intervals.
        method: Method of uncertainty.
        cluster: Column whose equal values err together.
        shares: Shares of the runs held out.
        seed: Seed of draws and noise.
        choice: A fit whose law was chosen by held-out scale: the choice is then made anew on
            the smaller runs of each cut, or the runs held out would have had a say in it.
        along: Column by which the largest are held out; compute (or the law's only input)
            unless told.

    Raises:
        BadTable: If there is no such column of numbers.
    """
    x, y = needed(runs, spec)
    name, scale = scale_of(x, spec.law)
    if along is not None:
        name, scale = along, _column(runs, along)
    names, group = groups_of(runs, spec.by)
    p = len(spec.law.params) + (len(names) - 1) * len(spec.free)
    cuts, skipped = [], []
    for train in cut_points(scale, p + 2, shares=shares, group=group if spec.by else None):
        try:
            below = runs.take(train)
            small = fit_spec(below, spec) if choice is None else again(choice, below)
            small = assess(small, method, resamples=DRAWS, level=level, seed=seed, cluster=cluster)
            small = with_draws(small, level=level, resamples=DRAWS)
            cuts.append(
                _cut(
                    small,
                    _read_by(small, runs),
                    y,
                    scale,
                    runs.rows,
                    train,
                    group,
                    names,
                    seed,
                )
            )
        except ForescaleError as error:
            skipped.append(f"cut at {int(train.sum())} runs: {error.what}")
    if not cuts and not skipped:
        skipped.append(
            f"no backtest: {len(y)} runs are too few to hold any out from {p} parameters"
        )
    return Backtest(
        law=spec.law.name,
        formula=spec.law.formula,
        scale=name,
        level=level,
        cuts=tuple(sorted(cuts, key=lambda c: (c.factor, c.held_out))),
        skipped=tuple(skipped),
        source=runs.source,
        chosen=choice is not None,
    )


def _cut(
    fitted: Fit,
    x: Mapping[str, Array],
    y: Array,
    scale: Array,
    row: NDArray[np.int64],
    train: NDArray[np.bool_],
    group: NDArray[np.intp],
    names: Sequence[str],
    seed: int,
) -> Cut:
    small, spec, level = fitted.runs, fitted.spec, fitted.level
    held = np.flatnonzero(~train)
    truth = y[held]
    centre, change = np.empty(len(held)), np.empty(len(held))
    samples, plain = np.empty((0, 0)), np.empty((0, 0))
    for g in np.unique(group[held]):
        rows = np.flatnonzero(group[held] == g)
        at = {i: v[held[rows]] for i, v in x.items()}
        p = predictive(fitted, at, group=names[g] if spec.by else None, seed=seed)
        if not samples.size:
            samples, plain = (np.empty((len(p.total), len(held))) for _ in range(2))
        samples[:, rows], plain[:, rows] = p.total, p.as_fitted
        centre[rows] = np.median(p.total, axis=0)
        change[rows] = p.change
    if not (np.isfinite(samples).all() and np.isfinite(change).all()):
        raise TooFewRuns(f"law '{spec.law.name}' has no finite forecast there")
    tail = 0.5 * (1 - level)
    lo, hi = np.quantile(samples, [tail, 1 - tail], axis=0)
    size = np.abs(truth) if spec.log_residual else np.full(len(truth), float(np.ptp(y)) or 1.0)
    error = 100 * (centre - truth) / size
    z2 = ((truth - centre) / np.maximum(spread(samples), 1e-300)) ** 2
    at_all = {i: v[held] for i, v in x.items()}
    rivals = {
        n: float(np.mean(np.abs(100 * (f(small, spec, at_all) - truth) / size)))
        for n, f in RIVALS.items()
    }
    return Cut(
        held_out=len(held),
        trained=len(small),
        limit=float(scale[train].max()),
        factor=float(scale[held].max() / scale[train].max()),
        error_pct=float(np.mean(np.abs(error))),
        bias_pct=float(np.mean(error)),
        coverage=coverage(truth, lo, hi),
        width_pct=float(np.median(100 * (hi - lo) / size)),
        pinball=float(
            np.mean([pinball(truth, q, v) for q, v in ((tail, lo), (0.5, centre), (1 - tail, hi))])
        ),
        z=float(np.sqrt(np.mean(np.minimum(z2, 400.0)))),
        rivals=rivals,
        rows=row[held],
        scale=scale[held],
        truth=truth,
        forecast=centre,
        lo=lo,
        hi=hi,
        look=_look(truth, centre, plain, change, log=spec.log_residual),
        law=spec.law.name,
    )


def _look(truth: Array, centre: Array, plain: Array, change: Array, *, log: bool) -> Look:
    """What the held-out runs tell; `plain` are draws of the fit taken at its word, (K, m)."""
    miss = np.log(truth / centre) if log else truth - centre
    own = spread(np.log(plain) if log else plain)
    return Look(*(float(np.mean(np.minimum(v * v, 1e12))) for v in (own, change, miss)))


def of_fit(fit: Fit, **options: Any) -> Backtest:
    """The backtest of all that made a fit, on its own runs: choice, law, method of uncertainty."""
    if fit.choice is not None:
        options = {"choice": fit, **options}
    if fit.draws is not None:
        options = {"method": fit.draws.method, "cluster": fit.draws.cluster, **options}
    return backtest(fit.runs, fit.spec, seed=fit.spec.seed, **options)
