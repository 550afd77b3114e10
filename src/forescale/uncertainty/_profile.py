"""Profile likelihood: each parameter moved by hand, all others refitted.

Source: Bates & Watts 1988, "Nonlinear Regression Analysis and Its Applications", chapter 6;
for robust losses the quasi-likelihood ratio of Heritier & Ronchetti 1994.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forescale.errors import UnknownName
from forescale.fit import Fit
from forescale.fit.problem import Problem
from forescale.maths.newton import minimise

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile of one parameter.

    Args:
        name: The parameter.
        values: Where it was held, in the user's units, shape (m,).
        drop: Twice the loss above the minimum over its scale, shape (m,): F with one and
            n - P degrees of freedom where the model holds.
        interval: Where `drop` crosses the quantile; an end is infinite (or the bound) where
            the data never rule it out.
        level: The level of the interval.
    """

    name: str
    values: Array
    drop: Array
    interval: tuple[float, float]
    level: float


def profile(fit: Fit, name: str, *, level: float = 0.9, points: int = 41) -> Profile:
    """The profile of parameter `name`.

    Raises:
        UnknownName: If the fit has no such parameter.
    """
    from scipy.stats import f as f_distribution

    if name not in fit.names:
        raise UnknownName(f"there is no parameter '{name}'", fix=f"known: {', '.join(fit.names)}")
    # In the user's own units a scale is held where the user sees it held.
    problem = _uncentred(fit.problem)
    theta = problem.fitting(fit.natural[None, :])[0]
    j = fit.names.index(name)
    sd = max(_own_error(fit, problem, theta, j), 1e-6 * max(abs(theta[j]), 1e-3))
    r = fit.residuals
    _, slope, curve = problem.rho.all(r)
    dof = max(len(r) - fit.problem.size, 1)
    w = problem.weights
    scale = (w * slope**2).sum() / dof / max(float((w * curve).sum() / w.sum()), 1e-3)
    limit = float(f_distribution.ppf(level, 1, dof))
    reach = 3.0 * np.sqrt(limit)
    for _ in range(4):
        offsets = np.linspace(-reach, reach, points)
        held = np.clip(theta[j] + offsets * sd, problem.lower[j], problem.upper[j])
        value = _held(problem, theta, j, held)
        drop = 2.0 * (value - fit.value) / scale
        if min(drop[0], drop[-1]) > limit or reach > 50:
            break
        reach *= 2.5
    lo = _crossing(held[: points // 2 + 1][::-1], drop[: points // 2 + 1][::-1], limit)
    hi = _crossing(held[points // 2 :], drop[points // 2 :], limit)
    at = np.tile(theta, (points, 1))
    at[:, j] = held
    ends = np.tile(theta, (2, 1))
    ends[:, j] = [lo, hi]
    natural = problem.natural(np.where(np.isfinite(ends), ends, theta))[:, j]
    is_log = name_is_log(problem, j)
    low = float(natural[0]) if np.isfinite(lo) else (0.0 if is_log else -np.inf)
    high = float(natural[1]) if np.isfinite(hi) else np.inf
    return Profile(name, problem.natural(at)[:, j], drop, (low, high), level)


def intervals(fit: Fit, *, level: float = 0.9) -> dict[str, tuple[float, float]]:
    """Profile intervals of every parameter."""
    return {n: profile(fit, n, level=level).interval for n in fit.names}


def name_is_log(problem: Problem, j: int) -> bool:
    """Whether full coordinate j moves in logs."""
    for columns in problem.columns:
        for k, c in enumerate(columns):
            if c == j:
                return problem.coordinates[k] == "log"
    return False


def _own_error(fit: Fit, problem: Problem, theta: Array, j: int) -> float:
    error = fit.errors[fit.names[j]]
    return error / abs(fit.natural[j]) if name_is_log(problem, j) else error


def _uncentred(problem: Problem) -> Problem:
    inputs = tuple(
        x + np.log(c) if i in problem.logged else x * c
        for x, c, i in zip(problem.inputs, problem.centres, problem.law.inputs, strict=True)
    )
    lower, upper = problem.lower.copy(), problem.upper.copy()
    for columns in problem.columns:
        for k, c in enumerate(columns):
            if problem.coordinates[k] == "log":
                # The box was in units of the data's centre; here it must hold any scale.
                lower[c], upper[c] = -300.0, 300.0
    return replace(
        problem, inputs=inputs, centres=(1.0,) * len(inputs), lower=lower, upper=upper, _rows=()
    )


def _held(problem: Problem, theta: Array, j: int, held: Array) -> Array:
    """Least objective with coordinate j at each held value, walking outwards from theta."""
    frozen = problem.frozen.copy()
    frozen[j] = True
    order = np.argsort(np.abs(held - theta[j]), kind="stable")
    value = np.full(len(held), np.inf)
    starts = {-1: theta, 1: theta}
    for i in order:
        side = 1 if held[i] >= theta[j] else -1
        start = starts[side].copy()
        start[j] = held[i]
        found = minimise(
            lambda t, _rows: problem.all(t),
            start[None, :],
            problem.lower,
            problem.upper,
            frozen=frozen,
        )
        value[i] = found.value[0]
        starts[side] = found.theta[0]
    return value


def _crossing(held: Array, drop: Array, limit: float) -> float:
    """Where the profile first rises above the limit, walking away from the minimum."""
    above = np.flatnonzero(drop > limit)
    if not len(above):
        return float("nan")
    i = int(above[0])
    if i == 0:
        return float(held[0])
    # The root of the drop is nearly linear in the parameter.
    a, b = np.sqrt(max(drop[i - 1], 0.0)), np.sqrt(drop[i])
    share = (np.sqrt(limit) - a) / max(b - a, 1e-300)
    return float(held[i - 1] + share * (held[i] - held[i - 1]))
