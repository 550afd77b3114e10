"""Profile likelihood: each parameter moved by hand, all others refitted.

Source: Bates & Watts 1988, "Nonlinear Regression Analysis and Its Applications", chapter 6;
for robust losses the quasi-likelihood ratio of Heritier & Ronchetti 1994.
"""

from __future__ import annotations

from collections.abc import Callable
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
    # In the user's own units a scale is held where the user sees it held; all else is better
    # told apart where the fit was made.
    own = bool(fit.law.powers[name.partition("[")[0]])
    problem = _uncentred(fit.problem) if own else fit.problem
    theta = problem.fitting(fit.natural[None, :])[0]
    j = fit.names.index(name)
    sd = _own_error(fit, problem, theta, j)
    if sd < 1e-6 * max(abs(theta[j]), 1e-3):
        # At a bound the curvature tells no width.
        sd = 0.1 * max(abs(theta[j]), 0.1)
    r = fit.residuals
    _, slope, curve = problem.rho.all(r)
    w = problem.weights
    dof = max(int((w > 0).sum()) - fit.problem.size, 1)
    scale = (w * slope**2).sum() / dof / max(float((w * curve).sum() / w.sum()), 1e-3)
    limit = float(f_distribution.ppf(level, 1, dof))

    def drop_at(held: Array) -> Array:
        return np.asarray(2.0 * (_held(problem, theta, j, held) - fit.value) / scale)

    half = max(points // 2, 4)
    below = _side(drop_at, float(theta[j]), -sd, float(problem.lower[j]), limit, half)
    above = _side(drop_at, float(theta[j]), sd, float(problem.upper[j]), limit, half)
    held = np.concatenate([below[0][::-1], theta[[j]], above[0]])
    drop = np.concatenate([below[1][::-1], [0.0], above[1]])
    at = np.tile(theta, (len(held), 1))
    at[:, j] = held
    ends = np.tile(theta, (2, 1))
    ends[:, j] = [below[2], above[2]]
    natural = problem.natural(np.where(np.isfinite(ends), ends, theta))[:, j]
    is_log = name_is_log(problem, j)
    # Where the data rule nothing out, the bound is the end; a scale may be any number.
    low, high = float(natural[0]), float(natural[1])
    if not np.isfinite(below[2]):
        low = 0.0 if is_log else float(problem.lower[j])
    if not np.isfinite(above[2]):
        high = np.inf if is_log else float(problem.upper[j])
    return Profile(name, problem.natural(at)[:, j], drop, (low, high), level)


def _side(
    drop_at: Callable[[Array], Array], start: float, sd: float, bound: float, limit: float, n: int
) -> tuple[Array, Array, float]:
    """The profile on one side: values held, their drop, and where it crosses the limit.

    The crossing is NaN where there is none as far as 200 standard errors or the bound.
    """
    reach = 3.0 * np.sqrt(limit)
    while True:
        held = start + sd * reach * np.arange(1, n + 1) / n
        held = np.minimum(held, bound) if sd > 0 else np.maximum(held, bound)
        drop = drop_at(held)
        above = np.flatnonzero(drop > limit)
        if len(above):
            break
        if reach > 200 or held[-1] == bound:
            return held, drop, float("nan")
        reach *= 4.0
    i = int(above[0])
    a, fa = (held[i - 1], drop[i - 1]) if i else (start, 0.0)
    inner = np.linspace(a, held[i], 6)[1:]
    found = np.concatenate([[fa], drop_at(inner)])
    inner = np.concatenate([[a], inner])
    k = max(int(np.argmax(found > limit)), 1)
    # The root of the drop is nearly linear in the parameter.
    low, high = np.sqrt(np.maximum(found[k - 1 : k + 1], 0.0))
    share = (np.sqrt(limit) - low) / max(high - low, 1e-300)
    return held, drop, float(inner[k - 1] + share * (inner[k] - inner[k - 1]))


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
    """Least objective with coordinate j at each held value, shape of `held`.

    All values are refitted together, first from where the curvature at the minimum points,
    then each from the best end of the others: a valley that bends is followed.
    """
    frozen = problem.frozen.copy()
    frozen[j] = True
    free = np.flatnonzero(~frozen)
    start = np.tile(theta, (len(held), 1))
    start[:, j] = held
    _, _, h = problem.all(theta[None, :])
    slope = np.linalg.lstsq(h[0][np.ix_(free, free)], -h[0][free, j], rcond=1e-10)[0]
    start[:, free] += (held - theta[j])[:, None] * slope
    plain = np.tile(theta, (len(held), 1))
    plain[:, j] = held
    start = np.where((problem.values(start) < problem.values(plain))[:, None], start, plain)

    def best(begin: Array) -> tuple[Array, Array]:
        found = minimise(
            lambda t, _rows: problem.all(t),
            begin,
            problem.lower,
            problem.upper,
            frozen=frozen,
            tolerance=1e-6,
            max_iterations=80,
        )
        return found.value, found.theta

    value, end = best(start)
    # Another value's end may lie in a lower valley, near or far.
    ends = np.concatenate([theta[None, :], end])
    at = np.repeat(ends[None, :, :], len(held), axis=0)
    at[:, :, j] = held[:, None]
    there = problem.values(at.reshape(-1, len(theta))).reshape(len(held), -1)
    k = np.argmin(there, axis=1)
    again, _ = best(at[np.arange(len(held)), k])
    return np.asarray(np.fmin(value, again))
