"""From a problem to its minimum: starts, polish, noise scale; and refits of resamples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forescale.fit import _noise
from forescale.fit._starts import starts
from forescale.fit.objective import Objective
from forescale.fit.problem import Problem
from forescale.maths.newton import Minima, minimise

Array = NDArray[np.float64]

#: Rows on which starts are compared: more tell no more about where to begin.
START_ROWS = 1_000
#: Elements (problems x rows) evaluated together, so that the arrays stay in cache.
BLOCK = 60_000
#: Distinct starts taken to full convergence.
POLISHED = 8


def solve(
    problem: Problem, objective: Objective, *, count: int, seed: int
) -> tuple[Problem, Minima]:
    """The problem with its noise scale found, and its best minimum (a batch of one)."""
    dof = max(len(problem.y) - problem.size, 1)
    small = thin(problem, START_ROWS)
    # First choose among starts under squares, whose scale need not be known.
    rough = small.with_rho(replace(small.rho, shape="square"))
    points = starts(rough, count, seed=seed)
    best = small.residuals(points[:1])[0]
    rho = _noise.first(objective, best[np.isfinite(best)], dof)
    small = small.with_rho(rho)
    value = small.values(points)
    chosen = _distinct(points[np.argsort(value, kind="stable")], POLISHED)
    for width in (10.0, 3.0) if rho.shape == "huber" else ():
        wide = small.with_rho(replace(rho, width=rho.width * width))
        chosen = _minimise(wide, chosen, tolerance=1e-3, max_iterations=30).theta
    ends = _minimise(small, chosen, tolerance=1e-9, max_iterations=120)
    theta = ends.theta[[int(np.argmin(ends.value))]]
    current = problem.with_rho(rho)
    rounds = 60 if rho.shape == "one_sided" else 20
    for _ in range(rounds if objective.scale else 1):
        found = _minimise(current, theta, max_iterations=150)
        theta = found.theta
        new = _noise.update(objective, current.rho, current.residuals(theta)[0], problem.weights, dof)
        if not objective.scale or objective.shape == "square":
            # The noise scale is reported but does not move the fit.
            return current.with_rho(new if not objective.scale else new), found
        moved = abs(new.sigma / current.rho.sigma - 1) + abs(new.excess - current.rho.excess)
        current = current.with_rho(new)
        if moved < 1e-3 or new.sigma <= _noise.LEAST:
            break
    return current, _minimise(current, theta, max_iterations=150)


def refit(
    problem: Problem, start: Array, weights: Array, observed: Array | None = None
) -> Minima:
    """Minima of K resamples from a warm start.

    Args:
        problem: The fitted problem; its noise scale is kept.
        start: Starting coordinates, shape (P,) or (K, P).
        weights: Row weights of each resample, shape (K, n).
        observed: Observed values of each resample, shape (K, n), if not the problem's own.
    """
    k, n = weights.shape
    begin = np.broadcast_to(start, (k, problem.size))
    size = max(1, BLOCK // n)
    parts = []
    for i in range(0, k, size):
        block = weights[i : i + size]
        seen = None if observed is None else observed[i : i + size]

        def objective(
            theta: Array, rows: NDArray[np.intp], w: Array = block, y: Array | None = seen
        ) -> tuple[Array, Array, Array]:
            return problem.all(theta, w[rows], None if y is None else y[rows])

        parts.append(
            minimise(
                objective,
                np.array(begin[i : i + size]),
                problem.lower,
                problem.upper,
                frozen=problem.frozen,
            )
        )
    return Minima(
        theta=np.concatenate([m.theta for m in parts]),
        value=np.concatenate([m.value for m in parts]),
        decrement=np.concatenate([m.decrement for m in parts]),
        converged=np.concatenate([m.converged for m in parts]),
        at_bound=np.concatenate([m.at_bound for m in parts]),
        evaluations=sum(m.evaluations for m in parts),
    )


def thin(problem: Problem, most: int) -> Problem:
    """The problem on at most `most` rows per group, spread evenly over the first input."""
    if len(problem.y) <= most * len(problem.columns):
        return problem
    keep = []
    for rows in (np.flatnonzero(problem.group == g) for g in range(len(problem.columns))):
        order = rows[np.argsort(problem.inputs[0][rows], kind="stable")]
        keep.append(order[np.linspace(0, len(order) - 1, min(most, len(order))).astype(int)])
    index = np.sort(np.concatenate(keep))
    return replace(
        problem,
        inputs=tuple(x[index] for x in problem.inputs),
        y=problem.y[index],
        weights=problem.weights[index],
        group=problem.group[index],
        _rows=(),
    )


def _minimise(
    problem: Problem, start: Array, *, tolerance: float = 1e-11, max_iterations: int = 200
) -> Minima:
    return minimise(
        lambda theta, _rows: problem.all(theta),
        start,
        problem.lower,
        problem.upper,
        frozen=problem.frozen,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )


def _distinct(points: Array, count: int) -> Array:
    """The first `count` points that lie apart from those already taken."""
    spread = points.std(axis=0) + 1e-12
    taken = [points[0]]
    for p in points[1:]:
        if len(taken) == count:
            break
        if min(float(np.abs((p - q) / spread).max()) for q in taken) > 0.2:
            taken.append(p)
    return np.array(taken)
