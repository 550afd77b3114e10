"""Where to start: coefficients that enter linearly are solved for, the rest is sampled.

Variable projection: at a trial value of the exponents the floor and the amplitudes are a
small least-squares problem, so only the nonlinear parameters need searching (Golub & Pereyra
1973). Starts are quasi-random in a box set by the data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit.problem import Problem
from forescale.laws import Law
from forescale.maths.sequences import kronecker

Array = NDArray[np.float64]

#: Where a trial's values are beyond this, its linear part is not solved for.
ABSURD = 1e120


def starts(problem: Problem, count: int, *, seed: int = 0) -> Array:
    """Starting points in fitting coordinates, shape (count or a few more, P), best first."""
    law = problem.law
    per_group = [_law_starts(problem, g, count, seed) for g in range(len(problem.columns))]
    theta = np.zeros((len(per_group[0]), problem.size))
    # A parameter shared by groups starts at their mean; its own groups' values stay apart.
    shares = np.zeros(problem.size)
    for columns, points in zip(problem.columns, per_group, strict=True):
        theta[:, columns] += points
        shares[columns] += 1
    theta /= shares
    extra = [_from_values(problem, v) for v in _suggestions(law, problem)]
    if extra:
        theta = np.concatenate([theta, *extra])
    fixed = problem.frozen
    theta[:, fixed] = problem.prior_mean[fixed]
    theta = np.clip(theta, problem.lower, problem.upper)
    if len(problem.columns) > 1:
        # Own values per group were found at each group's exponents: one more pass at the shared.
        theta = _resolve_linear(problem, theta)
    value = problem.values(theta)
    return np.asarray(theta[np.argsort(value, kind="stable")])


def _suggestions(law: Law, problem: Problem) -> list[dict[str, float]]:
    out = [dict(law.typical)] if law.typical else []
    if law.guess is not None:
        x = [
            np.exp(v) * c if i in problem.logged else v * c
            for v, c, i in zip(problem.inputs, problem.centres, law.inputs, strict=True)
        ]
        out.append(dict(law.guess(*x, problem.y)))
    return out


def _from_values(problem: Problem, values: dict[str, float]) -> Array:
    natural = np.ones(problem.size)
    for columns in problem.columns:
        natural[columns] = problem.law.theta(values)
    with np.errstate(all="ignore"):
        theta = problem.fitting(natural[None, :])
    return np.nan_to_num(theta, nan=0.0, posinf=50.0, neginf=-50.0)


def search_box(problem: Problem, group: int) -> tuple[Array, Array]:
    """Box in fitting coordinates in which nonlinear parameters are sampled, each (p,)."""
    law = problem.law
    rows = problem._rows[group]
    low, high = [], []
    for j, p in enumerate(law.params):
        powers = law.powers[p.name]
        column = problem.columns[group][j]
        a, b = problem.lower[column], problem.upper[column]
        if p.start is not None:
            lo, hi = p.start
            if problem.coordinates[j] == "log":
                lo, hi = float(np.log(lo)), float(np.log(hi))
        elif problem.coordinates[j] == "log":
            lo, hi = -3.0, 3.0
            if len(powers) == 1:
                ((name, power),) = powers.items()
                x = problem.inputs[law.inputs.index(name)][rows]
                if power.op == "num" and name in problem.logged:
                    ends = np.sort(power.value * np.array([x.min() - 1.0, x.max() + 1.0]))
                    lo, hi = float(max(ends[0], -12.0)), float(min(ends[1], 12.0))
        elif a >= 0:
            lo, hi = (0.05, 1.0) if b > 0.05 else (a, b)
            if a >= hi or b <= lo:
                lo, hi = a, b
        else:
            lo, hi = -1.0, 1.0
        low.append(max(lo, a))
        high.append(min(hi, b))
    return np.array(low), np.maximum(np.array(high), np.array(low))


def _law_starts(problem: Problem, group: int, count: int, seed: int) -> Array:
    law, compiled = problem.law, problem.compiled
    linear = [j for j in compiled.linear if not problem.frozen[problem.columns[group][j]]]
    nonlinear = [j for j in range(len(law.params)) if j not in linear]
    low, high = search_box(problem, group)
    free = [j for j in nonlinear if not problem.frozen[problem.columns[group][j]]]
    n = count if free else 1
    theta = np.tile(0.5 * (low + high), (n, 1))
    if free:
        theta[:, free] = low[free] + kronecker(n, len(free), seed=seed) * (high - low)[free]
    held = [j for j in nonlinear if j not in free]
    theta[:, held] = problem.prior_mean[problem.columns[group][held]]
    return _solve_linear(problem, group, theta, linear)


def _resolve_linear(problem: Problem, theta: Array) -> Array:
    out = theta.copy()
    counts = np.bincount(problem.columns.ravel(), minlength=problem.size)
    for g, columns in enumerate(problem.columns):
        own = [
            j
            for j in problem.compiled.linear
            if counts[columns[j]] == 1 and not problem.frozen[columns[j]]
        ]
        if own:
            out[:, columns] = _solve_linear(problem, g, theta[:, columns], own)
    return np.clip(out, problem.lower, problem.upper)


def _solve_linear(problem: Problem, group: int, theta: Array, linear: list[int]) -> Array:
    """theta, shape (K, p), with its linear coefficients solved by bounded least squares."""
    law, compiled = problem.law, problem.compiled
    if not linear or compiled.basis is None:
        return theta
    rows = problem._rows[group]
    y = problem.y[rows]
    x = [v[rows] for v in problem.inputs]
    natural = _unlog(problem, theta)
    args = [natural[:, j, None] for j in range(len(law.params))]
    with np.errstate(all="ignore"):
        offset, *basis = compiled.basis(*x, *args)
    k, n = len(theta), len(y)
    fixed = [j for j in compiled.linear if j not in linear]
    b = np.stack(
        [
            np.broadcast_to(v, (k, n))
            for j, v in zip(compiled.linear, basis, strict=True)
            if j in linear
        ],
        axis=1,
    )
    target = y - np.broadcast_to(offset, (k, n))
    with np.errstate(all="ignore"):
        for j, v in zip(compiled.linear, basis, strict=True):
            if j in fixed:
                target = target - natural[:, j, None] * v
    # NaN compares as false; what is absurd would overflow when squared.
    sane = (np.abs(b) < ABSURD).all((1, 2)) & (np.abs(target) < ABSURD).all(1)
    b = np.where(sane[:, None, None], b, 0.0)
    target = np.where(sane[:, None], target, 0.0)
    weight = problem.weights[rows] / (y * y if problem.log_residual else 1.0)
    signed = np.array([law.params[j].lower < 0 for j in linear])
    weights = np.broadcast_to(weight, (k, n)).copy()
    for sweep in range(3):
        c = _bounded_least_squares(b, target, weights, signed)
        if sweep < 2:
            # Two sweeps towards least absolute deviations: a start should not chase outliers.
            r = np.abs(target - np.einsum("kln,kl->kn", b, c)) * np.sqrt(weight)
            middle = np.median(r, axis=1, keepdims=True)
            weights = weight / np.maximum(r, 0.3 * middle + 1e-12) * (middle + 1e-12)
    out = theta.copy()
    for i, j in enumerate(linear):
        value = c[:, i]
        if problem.coordinates[j] == "log":
            size = np.abs(b[:, i]).mean(1) + 1e-300
            least = 1e-4 * np.abs(y).mean() / size
            value = np.clip(np.log(np.maximum(value, least)), -40.0, 40.0)
        out[:, j] = value
    return out


def _unlog(problem: Problem, theta: Array) -> Array:
    out = theta.copy()
    logs = [j for j, c in enumerate(problem.coordinates) if c == "log"]
    out[:, logs] = np.exp(np.clip(out[:, logs], -50.0, 50.0))
    return out


def _bounded_least_squares(b: Array, y: Array, w: Array, signed: NDArray[np.bool_]) -> Array:
    """Coefficients, shape (K, m), non-negative unless `signed`, of K small systems.

    Coefficients that come out negative are dropped and the rest solved again, at most m
    times: not always the exact optimum, always a sound start.
    """
    k, m, _ = b.shape
    size = np.sqrt(np.einsum("kln,kn->kl", b * b, w)) + 1e-300
    scaled = b / size[:, :, None]
    gram = np.einsum("kln,kmn,kn->klm", scaled, scaled, w, optimize=True)
    right = np.einsum("kln,kn,kn->kl", scaled, y, w, optimize=True)
    active = np.ones((k, m), bool)
    eye = np.eye(m)
    c = np.zeros((k, m))
    for _ in range(m):
        both = active[:, :, None] & active[:, None, :]
        system = np.where(both, gram, eye) + 1e-10 * eye
        c = np.asarray(np.linalg.solve(system, np.where(active, right, 0.0)[:, :, None]))[:, :, 0]
        negative = active & (c < 0) & ~signed
        if not negative.any():
            break
        active &= ~negative
    return np.asarray(np.where(active, c, 0.0) / size)
