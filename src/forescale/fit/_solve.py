"""From a problem to its minimum: starts, polish, noise scale; and refits of resamples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forescale.fit import _noise
from forescale.fit._shared import Shared
from forescale.fit._starts import starts
from forescale.fit.objective import Objective
from forescale.fit.problem import Problem
from forescale.maths.newton import Minima, minimise
from forescale.maths.sequences import kronecker

Array = NDArray[np.float64]

#: Rows on which starts are compared: more tell no more about where to begin.
START_ROWS = 1_000
#: Rows on which starts are first improved.
RACE_ROWS = 120
#: Elements (problems x rows) minimised together: the last problems open share few calls.
BLOCK = 130_000
#: Resamples in a block from which on they share their first evaluation.
SHARED = 8
#: Distinct starts that enter the race, for each parameter that had to be sampled.
ENTRANTS = 4
#: Sampled parameters from which so many times more starts are compared: of 20 fits of a law
#: with two breaks one ended in a wrong valley from 256 starts, none from 1024.
MANY, MORE = 6, 4
#: Steps allowed in each round of the race, and how many may enter the next.
ROUNDS = ((12, 8), (20, 4))
#: Starts compared on each subset of the rows, and how many of them are followed.
SUBSET_STARTS, SUBSET_ENTRANTS = 64, 3
#: Relative change of the noise scale below which it has settled.
SETTLED = 1e-7
#: The same where a fit is one of hundreds: it moves an exponent in the fifth digit.
SETTLED_WARM = 1e-4


def solve(
    problem: Problem, objective: Objective, *, count: int, seed: int
) -> tuple[Problem, Minima]:
    """The problem with its noise scale found, and its best minimum (a batch of one)."""
    dof = max(len(problem.y) - problem.size, 1)
    small = thin(problem, START_ROWS)
    # First choose among starts under squares, whose scale need not be known.
    rough = small.with_rho(replace(small.rho, shape="square"))
    few = thin(rough, RACE_ROWS)
    sampled = len(problem.law.params) - len(problem.compiled.linear)
    # A start costs one evaluation, a search in a wrong valley everything.
    points = starts(few, count * (MORE if sampled >= MANY else 1), seed=seed)
    chosen = _race(few, _distinct(points, ENTRANTS * max(sampled, 2)))
    chosen = _kept(_minimise(rough, chosen, tolerance=1e-4, max_iterations=40), len(chosen))
    best = small.residuals(chosen[:1])[0]
    rho = _noise.first(objective, best[np.isfinite(best)], dof)
    small = small.with_rho(rho)
    for width in (10.0, 3.0) if rho.shape == "huber" and not objective.scale else ():
        wide = small.with_rho(replace(rho, width=rho.width * width))
        chosen = _kept(_minimise(wide, chosen, tolerance=1e-3, max_iterations=30), len(chosen))
    ends = _minimise(small, chosen, tolerance=1e-9, max_iterations=120)
    theta = ends.theta[[int(np.argmin(ends.value))]]
    if not objective.scale:
        return problem.with_rho(rho), _minimise(problem.with_rho(rho), theta)
    return _with_scale(problem.with_rho(rho), objective, theta, dof)


def solve_from(problem: Problem, objective: Objective, begin: Array) -> tuple[Problem, Minima]:
    """As `solve`, from starts that are known to be good: no search, a twentieth of the time.

    Args:
        problem: The problem; its noise scale is found anew.
        objective: What is minimised.
        begin: Starting coordinates, shape (K, P): minima under nearly the same objective.
    """
    dof = max(len(problem.y) - problem.size, 1)
    begin = np.where(problem.frozen, begin, np.clip(begin, problem.lower, problem.upper))
    residuals = problem.residuals(begin)
    spread = np.median(np.abs(np.where(np.isfinite(residuals), residuals, np.inf)), axis=1)
    rho = _noise.first(objective, residuals[int(np.argmin(spread))], dof)
    problem = problem.with_rho(rho)
    if len(begin) > 1:
        ends = _minimise(problem, begin, tolerance=1e-3, max_iterations=12)
        begin = ends.theta[[int(np.argmin(ends.value))]]
    if not objective.scale:
        return problem, _minimise(problem, begin)
    # Where the scale moves the minimum, only the last one need be exact.
    rough = 1e-11 if objective.shape == "square" else 1e-5
    return _with_scale(problem, objective, begin, dof, settled=SETTLED_WARM, tolerance=rough)


def _race(problem: Problem, points: Array) -> Array:
    """The most promising of the points after some steps from each, best first.

    Most starts of a multiplicative law lie in valleys that take a hundred steps to leave
    for the same minimum or none: they are overtaken long before.
    """
    for steps, most in ROUNDS:
        if len(points) > 1:
            points = _kept(_minimise(problem, points, tolerance=1e-3, max_iterations=steps), most)
    return points


def _kept(found: Minima, most: int) -> Array:
    """The best `most` ends, one of those that agree, shape (k, P)."""
    # What one more step would gain counts for a point still on its way.
    hope = found.value - np.where(np.isfinite(found.decrement), found.decrement, 0.0)
    hope = np.maximum(hope, 0.5 * found.value)
    order = np.argsort(hope, kind="stable")
    order = order[np.isfinite(found.value[order])]
    if not len(order):
        return found.theta[:1]
    keep: list[int] = []
    for i in order:
        twin = keep and abs(hope[i] - hope[keep[-1]]) < 1e-4 * abs(hope[i])
        if not twin or not found.converged[i]:
            keep.append(int(i))
        if len(keep) == most:
            break
    return found.theta[keep]


def _with_scale(
    problem: Problem,
    objective: Objective,
    theta: Array,
    dof: int,
    *,
    settled: float = SETTLED,
    tolerance: float = 1e-11,
) -> tuple[Problem, Minima]:
    """The minimum and the noise scale that agree with each other.

    Each new scale moves the minimum a little and each minimum the scale: a fixed point,
    reached in steps that shrink by a constant factor, which two of them reveal (Aitken).
    """
    current = problem
    trail: list[float] = []
    for _ in range(60 if current.rho.shape == "one_sided" else 30):
        found = _minimise(current, theta, max_iterations=150, tolerance=tolerance)
        theta = found.theta
        residuals = current.residuals(theta)[0]
        new = _noise.update(objective, current.rho, residuals, problem.weights, dof)
        if objective.shape == "square":
            # The noise scale is reported but does not move the fit.
            return current.with_rho(new), found
        moved = abs(new.sigma / current.rho.sigma - 1) + abs(new.excess - current.rho.excess)
        if new.sigma <= _noise.LEAST:
            current = current.with_rho(new)
            break
        if moved < settled:
            return current, found if tolerance <= 1e-11 else _minimise(current, theta)
        if current.rho.shape != "one_sided":
            trail.append(float(np.log(new.sigma / current.rho.sigma)))
            if len(trail) == 2 and 0 < trail[1] / trail[0] < 0.9:
                ahead = float(np.exp(trail[1] * trail[1] / (trail[0] - trail[1])))
                new = replace(new, sigma=new.sigma * ahead, width=new.width * ahead)
            if len(trail) == 2:
                trail.clear()
        current = current.with_rho(new)
    return current, _minimise(current, theta, max_iterations=150)


def refit(
    problem: Problem,
    start: Array,
    weights: Array,
    observed: Array | None = None,
    *,
    max_iterations: int = 200,
    enough: float = 0.0,
) -> Minima:
    """Minima of K resamples from a warm start.

    Args:
        problem: The fitted problem; its noise scale is kept.
        start: Starting coordinates, shape (P,) or (K, P).
        weights: Row weights of each resample, shape (K, n).
        observed: Observed values of each resample, shape (K, n), if not the problem's own.
        max_iterations: Evaluations allowed per resample.
        enough: Gain of a step, in units of the objective, below which it is not worth taking.
    """
    k, n = weights.shape
    start = np.asarray(start, float)
    start = np.where(problem.frozen, start, np.clip(start, problem.lower, problem.upper))
    begin = np.broadcast_to(start, (k, problem.size))
    size = max(1, BLOCK // n)
    # Where most rows lie on a loss's straight branch, curvature comes and goes with every
    # step: first derivatives alone lead nowhere, and the exact Hessian does all the work.
    with np.errstate(all="ignore"):
        bowl = problem.rho.all(problem.residuals(begin[:1]))[2] > 0
    led = bool(problem.compiled.pairs) and float(bowl.mean()) > 0.5
    parts = []
    for i in range(0, k, size):
        block = weights[i : i + size]
        seen = None if observed is None else observed[i : i + size]

        def objective(
            theta: Array, rows: NDArray[np.intp], w: Array = block, y: Array | None = seen
        ) -> tuple[Array, Array, Array]:
            return problem.all(theta, w[rows], None if y is None else y[rows])

        def approach(
            theta: Array, rows: NDArray[np.intp], w: Array = block, y: Array | None = seen
        ) -> tuple[Array, Array, Array]:
            return problem.all(theta, w[rows], None if y is None else y[rows], exact=False)

        # From one point for all, the first evaluation is one for all.
        one = start.ndim == 1 and size >= SHARED and (led or not problem.compiled.pairs)
        shared = Shared(problem, start, block, seen) if one else None
        parts.append(
            minimise(
                objective,
                np.array(begin[i : i + size]),
                problem.lower,
                problem.upper,
                frozen=problem.frozen,
                rounding=max(problem.rounding, enough),
                max_iterations=max_iterations,
                approach=approach if led else None,
                first=shared.parts if shared else None,
                bend=shared.bend if shared and led else None,
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


def refit_subsets(problem: Problem, theta: Array, told: NDArray[np.bool_], *, seed: int) -> Minima:
    """Minima on subsets of the rows, all at once: what a search on each would find, sooner.

    Each starts from the whole table's minimum and from the best starts of its own rows, so
    that a subset may end in a valley of its own. The noise scale is kept.

    Args:
        problem: The fitted problem.
        theta: Its minimum, shape (P,).
        told: Rows of each subset, shape (K, n).
        seed: Seed of the starts.
    """
    k = len(told)
    weights = np.where(told, problem.weights, 0.0)
    points = starts(thin(problem, START_ROWS), SUBSET_STARTS, seed=seed)
    values = np.stack([problem.values(points, w) for w in weights])
    own = points[np.argsort(values, axis=1, kind="stable")[:, :SUBSET_ENTRANTS]]
    begin = np.concatenate([np.broadcast_to(theta, (k, 1, problem.size)), own], axis=1)
    each = begin.shape[1]
    found = refit(
        problem,
        begin.reshape(k * each, -1),
        np.repeat(weights, each, axis=0),
        max_iterations=20,
    )
    best = np.arange(k) * each + np.argmin(found.value.reshape(k, each), axis=1)
    # Only the winners go all the way: most of the others sit in flat valleys.
    return refit(problem, found.theta[best], weights)


def thin(problem: Problem, most: int) -> Problem:
    """The problem on at most `most` rows per group, one from each stretch of the first input."""
    if len(problem.y) <= most * len(problem.columns):
        return problem
    keep = []
    for rows in (np.flatnonzero(problem.group == g) for g in range(len(problem.columns))):
        order = rows[np.argsort(problem.inputs[0][rows], kind="stable")]
        if len(order) > most:
            # A regular stride could pick the same corner of a grid of runs every time.
            where = np.arange(most) + kronecker(most, 1)[:, 0]
            order = order[(where * len(order) / most).astype(int)]
        keep.append(order)
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
        rounding=problem.rounding,
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
