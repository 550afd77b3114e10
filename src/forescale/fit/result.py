"""What a fit says: a law with numbers, and the doubt beside each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, UnknownName
from forescale.fit._build import Spec, groups_of
from forescale.fit.problem import Problem
from forescale.laws import Law
from forescale.quantities import format_error
from forescale.runs import RunTable

Array = NDArray[np.float64]
Severity = Literal["note", "warn", "fail"]


@dataclass(frozen=True)
class Flag:
    """One doubt about a fit: its name, how grave it is, and one line for the user."""

    name: str
    severity: Severity
    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, eq=False)
class Draws:
    """Parameter vectors that could have been, each as good as its frequency says.

    Args:
        method: How they were drawn.
        natural: Parameters in the user's units, shape (K, P), in the order of `Fit.names`.
        seed: Seed they came from.
        notes: What the user should know about them.
        cluster: Column whose equal values were taken to err together.
    """

    method: str
    natural: Array
    seed: int
    notes: tuple[str, ...] = ()
    cluster: str | None = None

    def interval(self, level: float) -> Array:
        """Central intervals, shape (P, 2)."""
        tail = 50.0 * (1.0 - level)
        return np.asarray(np.percentile(self.natural, [tail, 100.0 - tail], axis=0).T)


@dataclass(frozen=True, eq=False)
class Fit:
    """A law fitted to runs.

    Args:
        spec: What was asked.
        runs: The rows that were used.
        problem: The law on these rows, with the noise scale found.
        theta: The minimum in fitting coordinates, shape (P,).
        value: The objective there.
        converged: Gradient and curvature prove a minimum.
        at_bound: Which coordinates a bound holds, shape (P,).
        covariance: Sandwich covariance in fitting coordinates, shape (P, P).
        flags: Doubts, gravest first.
        draws: Parameter draws, once `forescale.uncertainty` has made them.
        level: Level of the intervals shown.
        choice: How the law was chosen, when it was (`--law auto`).
        rivals: Other laws that fit about as well, with their weights.
        profiled: Profile-likelihood intervals at `level`, where they were asked for.
    """

    spec: Spec
    runs: RunTable
    problem: Problem
    theta: Array
    value: float
    converged: bool
    at_bound: NDArray[np.bool_]
    covariance: Array
    flags: tuple[Flag, ...] = ()
    draws: Draws | None = None
    level: float = 0.9
    choice: Mapping[str, Any] | None = None
    rivals: tuple[tuple[float, Fit], ...] = ()
    profiled: Mapping[str, tuple[float, float]] | None = None

    @property
    def law(self) -> Law:
        """The law, with fixed parameters put in."""
        return self.spec.law

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fitted numbers; "A[web]" is A of the group web."""
        return self.problem.names

    @cached_property
    def natural(self) -> Array:
        """Parameters in the user's units, shape (P,)."""
        return np.asarray(self.problem.natural(self.theta[None, :])[0])

    @property
    def params(self) -> dict[str, float]:
        """Parameter values by name, in the user's units."""
        return {n: float(v) for n, v in zip(self.names, self.natural, strict=True)}

    @cached_property
    def errors(self) -> dict[str, float]:
        """One standard error of each parameter, from the draws or else the sandwich."""
        if self.draws is not None:
            # Half the central 68 %: what a standard error means, without the far tail that
            # an amplitude of a power law always has.
            low, high = np.percentile(self.draws.natural, [15.87, 84.13], axis=0)
            return {n: float(v) for n, v in zip(self.names, 0.5 * (high - low), strict=True)}
        step = 1e-5 * np.sqrt(np.maximum(np.diag(self.covariance), 1e-30))
        p = len(self.theta)
        moved = self.theta + np.concatenate([np.diag(step), -np.diag(step)])
        at = self.problem.natural(moved)
        jacobian = ((at[:p] - at[p:]) / (2 * step[:, None])).T
        variance = np.einsum("ij,jk,ik->i", jacobian, self.covariance, jacobian)
        return {n: float(np.sqrt(max(v, 0))) for n, v in zip(self.names, variance, strict=True)}

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Intervals at `level`: profiled, or of the draws, or else the sandwich."""
        if self.profiled is not None:
            return dict(self.profiled)
        if self.draws is not None:
            bounds = self.draws.interval(self.level)
            return {n: (float(a), float(b)) for n, (a, b) in zip(self.names, bounds, strict=True)}
        from statistics import NormalDist

        z = NormalDist().inv_cdf(0.5 + 0.5 * self.level)
        half = z * np.sqrt(np.maximum(np.diag(self.covariance), 0))
        ends = self.problem.natural(np.stack([self.theta - half, self.theta + half]))
        return {n: (float(a), float(b)) for n, a, b in zip(self.names, *ends, strict=True)}

    @property
    def sigma(self) -> float:
        """Noise scale of the residuals (relative where residuals are logs)."""
        return self.problem.rho.sigma

    @cached_property
    def residuals(self) -> Array:
        """log(predicted/observed), or predicted - observed, shape (n,)."""
        return np.asarray(self.problem.residuals(self.theta[None, :])[0])

    @property
    def healthy(self) -> bool:
        """No doubt that would stop a forecast."""
        return not any(f.severity == "fail" for f in self.flags)

    @property
    def health(self) -> str:
        """The names of the doubts that matter, or ok."""
        grave = [f.name for f in self.flags if f.severity != "note"]
        return ", ".join(dict.fromkeys(grave)) or "ok"

    def columns_of(self, group: str | None = None) -> NDArray[np.intp]:
        """Which full coordinates are the law's parameters in a group.

        Raises:
            BadOption: If the fit has groups and none was named, or has none and one was.
            UnknownName: If there is no such group.
        """
        if self.spec.by is None:
            if group is not None:
                raise BadOption(
                    f"this fit has no groups, so there is no '{group}'", fix="fit with --by COLUMN"
                )
            return np.asarray(self.problem.columns[0])
        names, _ = groups_of(self.runs, self.spec.by)
        if group is None:
            raise BadOption(
                f"this fit has one set of parameters per {self.spec.by}",
                fix=f"name one with --group: {', '.join(names[:8])}",
            )
        if group not in names:
            raise UnknownName(f"there is no group '{group}'", fix=f"known: {', '.join(names)}")
        return np.asarray(self.problem.columns[names.index(group)])

    def predict(
        self, inputs: Mapping[str, ArrayLike], *, group: str | None = None, draws: bool = False
    ) -> Array:
        """Predictions at new inputs, shape (n,); with `draws`, shape (K, n)."""
        columns = self.columns_of(group)
        if draws:
            if self.draws is None:
                raise BadOption("this fit carries no draws", fix="fit with uncertainty='bootstrap'")
            return self.law.predict(inputs, self.draws.natural[:, columns])
        return self.law.predict(inputs, self.natural[columns])

    def with_draws(self, draws: Draws, *, level: float | None = None) -> Fit:
        """The same fit carrying other draws."""
        return replace(self, draws=draws, level=self.level if level is None else level)

    def __repr__(self) -> str:
        shown = ", ".join(f"{n}={format_error(v, self.errors[n])}" for n, v in self.params.items())
        return f"Fit({self.law.name}, {len(self.runs)} runs: {shown}; {self.health})"

    def summary(self) -> str:
        """A paragraph: the law, its numbers, the noise, the doubts."""
        lines = [
            f"{self.law.predicts} = {self.law.formula} on {len(self.runs)} runs of "
            f"{self.runs.source}",
            ", ".join(f"{n} = {format_error(v, self.errors[n])}" for n, v in self.params.items()),
            f"noise {100 * self.sigma:.2g} %"
            if self.spec.log_residual
            else f"noise {self.sigma:.3g}",
            *(f"{f.severity}: {f.message}" for f in self.flags),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(n)}</td><td>{escape(format_error(v, self.errors[n]))}</td></tr>"
            for n, v in self.params.items()
        )
        return f"<p>{escape(repr(self))}</p><table>{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain values, enough to forecast from again (`Fit.from_dict`)."""
        from forescale.fit._store import to_dict

        return to_dict(self)

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Fit:
        """The fit that `to_dict` wrote.

        Raises:
            BadTable: If it is no fit, or of a schema this version does not read.
        """
        from forescale.fit._store import from_dict

        return from_dict(data)
