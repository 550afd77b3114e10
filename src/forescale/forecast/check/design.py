"""What runs at given places would tell of a forecast: its variance by formula and by simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit, refit
from forescale.fit._build import build
from forescale.fit.problem import Problem
from forescale.forecast._scale import scale_of
from forescale.runs import RunTable

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Inputs that tell how large a run is; others, such as a learning rate, are not stretched.
SCALES = ("N", "D", "C", "n", "S", "Ne", "Nd", "U")
#: Step of numerical derivatives in fitting coordinates.
STEP = 1e-5


@dataclass(frozen=True, eq=False)
class Design:
    """A law known to hold, on runs at some places, seen from the place that is forecast.

    Args:
        problem: The law on these runs.
        theta: Its parameters in the problem's coordinates, shape (P,).
        at: The place forecast, each input of shape (1,).
        columns: Which coordinates are the law's parameters there, shape (p,).
        runs: The runs; their outputs mean nothing.
        together: Group of each run, shape (n,).
        alone: Standard deviation of what each run errs alone, in units of a residual.
        spread: Of what runs of a group err together.
        cost: Sum of the runs' scales in units of the present runs'.
    """

    problem: Problem
    theta: Array
    at: Mapping[str, Array]
    columns: Index
    runs: RunTable
    together: Index
    alone: float
    spread: float
    cost: float

    def variance(self) -> tuple[float, float]:
        """Variance of the forecast, in squared units of a residual, by the delta method.

        Returns:
            From what each run errs alone, and from what runs of a group err together.
        """
        problem = self.problem
        free = (self.theta > problem.lower) & (self.theta < problem.upper) & ~problem.frozen
        w = problem.weights
        j, g = problem.jacobian(self.theta)[:, free], self._slope()[free]
        size = np.linalg.norm(j, axis=0) + 1e-300
        j, g = j / size, g / size
        prior = problem.prior(self.theta[None])[2][0][np.ix_(free, free)]
        bread = (j * w[:, None]).T @ j + prior / np.outer(size, size)
        # How each run's residual moves the forecast; a weight is a precision.
        pull = (j * np.sqrt(w)[:, None]) @ (np.linalg.pinv(bread, rcond=1e-12, hermitian=True) @ g)
        common = np.bincount(self.together, pull)
        return self.alone**2 * float(pull @ pull), self.spread**2 * float(common @ common)

    def simulated(self, measured: Array, tables: int, seed: int) -> float:
        """The same variance, both sources, from tables that are simulated and refitted.

        Args:
            measured: Residuals that tell the shape of the noise, shape (r,).
            tables: How many.
            seed: Seed of the noise.
        """
        rng = np.random.default_rng(np.random.SeedSequence([seed, 43]))
        problem, n = self.problem, len(self.runs)
        root = np.sqrt(np.where(problem.weights > 0, problem.weights, 1.0))
        size = float(np.sqrt(np.mean(measured**2))) or 1.0
        alone = self.alone / size * rng.choice(measured, (tables, n))
        common = self.spread * rng.standard_normal((tables, int(self.together.max()) + 1))
        noise = (alone + common[:, self.together]) / root
        mean = problem.predict(self.theta[None])[0]
        log = problem.log_residual
        observed = mean * np.exp(-noise) if log else mean - noise
        found = refit(
            problem, self.theta, np.broadcast_to(problem.weights, observed.shape), observed
        )
        values = self._values(found.theta)
        values = values[np.isfinite(values) & found.converged]
        if len(values) < 0.5 * tables:
            return float("nan")
        # The middle of the values, as wide as a normal's: a fit that ran away is no width.
        low, high = np.quantile(values, [0.1, 0.9])
        return float((high - low) / 2.5631) ** 2

    def _values(self, theta: Array) -> Array:
        """The forecast for many parameters, logs where residuals are; shape (K,)."""
        natural = self.problem.natural(theta)[:, self.columns]
        with np.errstate(all="ignore"):
            value = self.problem.law.predict(self.at, natural)[:, 0]
            return np.asarray(np.log(value) if self.problem.log_residual else value)

    def _slope(self) -> Array:
        """Derivative of the forecast in each coordinate, shape (P,)."""
        p = len(self.theta)
        moved = self.theta + STEP * np.concatenate([np.eye(p), -np.eye(p)])
        values = self._values(moved)
        return np.asarray(np.nan_to_num((values[:p] - values[p:]) / (2 * STEP)))


def design(
    fit: Fit,
    runs: RunTable,
    at: Mapping[str, Array],
    *,
    group: str | None,
    together: Index,
    alone: float,
    spread: float,
) -> Design:
    """The fit's law, as fitted, on other runs.

    Args:
        fit: The user's fit.
        runs: Runs with the law's columns.
        at: The place forecast, each input of shape (1,).
        group: Whose parameters are forecast.
        together: Group of each run, shape (n,).
        alone: Standard deviation of what each run errs alone, in units of a residual.
        spread: Of what runs of a group err together.
    """
    problem = build(runs, fit.spec).with_rho(fit.problem.rho)
    theta = np.clip(problem.fitting(fit.natural[None])[0], problem.lower, problem.upper)
    # A parameter at a bound stays there however the new runs' centre moves its coordinate.
    theta = np.where(fit.at_bound, np.where(fit.theta <= fit.problem.lower, problem.lower,
                                            problem.upper), theta)  # fmt: skip
    return Design(
        problem=problem,
        theta=theta,
        at=at,
        columns=fit.columns_of(group),
        runs=runs,
        together=together,
        alone=alone,
        spread=spread,
        cost=_cost(fit, runs) / _cost(fit, fit.runs),
    )


def _cost(fit: Fit, runs: RunTable) -> float:
    scale = scale_of({i: np.asarray(runs[i], float) for i in fit.law.inputs}, fit.law)[1]
    return float(scale.sum()) or 1.0


def copied(runs: RunTable, copies: int) -> RunTable:
    """Every run so many times."""
    return runs.take(np.tile(np.arange(len(runs)), copies))


def span(fit: Fit) -> float:
    """The range of the runs' scale, as a factor; 1 where no input is a scale."""
    seen = {i: np.asarray(fit.runs[i], float) for i in fit.law.inputs}
    scale = scale_of(seen, fit.law)[1]
    if not _scales(seen) or not (scale > 0).all():
        return 1.0
    return float(scale.max() / scale.min())


def _scales(values: Mapping[str, Array]) -> list[str]:
    return [i for i, v in values.items() if i in SCALES and (v > 0).all()]


def stretched(fit: Fit, factor: float, *, up: bool) -> RunTable:
    """As many runs over a range of scale `factor` times wider, its other end kept.

    Args:
        fit: The user's fit; its runs must span a range.
        factor: At least 1.
        up: Whether the range grows at the large end.
    """
    power = 1.0 + np.log(factor) / np.log(span(fit))
    runs = fit.runs
    seen = {i: np.asarray(runs[i], float) for i in fit.law.inputs}
    for name in _scales(seen):
        kept = seen[name].min() if up else seen[name].max()
        runs = runs.with_column(name, kept * (seen[name] / kept) ** power)
    return runs
