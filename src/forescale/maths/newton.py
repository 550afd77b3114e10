"""Newton's method for thousands of small bounded problems at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.maths.cholesky import solve_modified

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]
#: (theta (k, p), rows of the batch (k,)) -> value (k,), gradient (k, p), Hessian (k, p, p)
Objective = Callable[[Array, NDArray[np.intp]], tuple[Array, Array, Array]]


@dataclass(frozen=True)
class Minima:
    """Where a batch of minimisations ended.

    Args:
        theta: Minimisers, shape (K, p).
        value: Objective there, shape (K,).
        decrement: What one more Newton step would still gain, shape (K,).
        converged: The decrement is below tolerance and the Hessian positive definite on
            the free coordinates: a proven local minimum, shape (K,).
        at_bound: Coordinates held by a bound, shape (K, p).
        evaluations: Objective evaluations spent, summed over the batch.
    """

    theta: Array
    value: Array
    decrement: Array
    converged: Bool
    at_bound: Bool
    evaluations: int


def minimise(
    objective: Objective,
    start: Array,
    lower: Array,
    upper: Array,
    *,
    frozen: Bool | None = None,
    max_iterations: int = 200,
    tolerance: float = 1e-11,
    rounding: float = 0.0,
) -> Minima:
    """Minimise a batch of smooth functions inside a box, each to a proven minimum.

    Damped Newton steps on the coordinates that no bound holds, projected on the box; the
    damping follows the ratio of true to predicted gain. Problems that have converged leave
    the batch.

    Args:
        objective: Value, gradient and exact Hessian at theta for the given rows.
        start: Starting points, shape (K, p).
        lower: Lower bounds, shape (p,) or (K, p).
        upper: Upper bounds, likewise.
        frozen: Coordinates that keep their start, shape (p,) or (K, p).
        max_iterations: Evaluations allowed per problem.
        tolerance: Relative gain of a Newton step below which a problem has converged.
        rounding: Gain below which it has converged in any case: with exact data the
            objective goes to zero and no relative tolerance is ever met.
    """
    k, p = start.shape
    held = np.broadcast_to(np.zeros(p, bool) if frozen is None else frozen, (k, p))
    # A frozen coordinate keeps its value even where that lies outside the box.
    lo, up = np.where(held, start, lower), np.where(held, start, upper)
    theta = np.clip(start, lo, up)
    value = np.full(k, np.inf)
    decrement = np.full(k, np.inf)
    converged = np.zeros(k, bool)
    at_bound = np.zeros((k, p), bool)

    rows = np.arange(k)
    t = theta.copy()
    f, g, h = objective(t, rows)
    evaluations = k
    damping = np.full(k, 1e-4)
    stalled = np.zeros(k, int)
    for _ in range(max_iterations):
        low, high, fixed = lo[rows], up[rows], held[rows]
        bound = ((t <= low) & (g > 0)) | ((t >= high) & (g < 0))
        loose = ~(bound | fixed)
        step, gain, definite = _newton_step(f, g, h, loose, damping)
        # The gain of an undamped step is the proof of convergence; damping only shrinks it.
        size = np.maximum(np.abs(f), 1e-300)
        small = (gain <= tolerance * size + rounding) & (definite | ~loose.any(1))
        done = (small & (damping <= 1e-2)) | (stalled > 12) | ~np.isfinite(f)
        if done.any():
            r = rows[done]
            theta[r], value[r], decrement[r] = t[done], f[done], gain[done]
            converged[r] = small[done] & np.isfinite(f[done])
            at_bound[r] = bound[done]
            keep = ~done
            if not keep.any():
                rows = rows[keep]
                break
            rows, t, f, g, h = rows[keep], t[keep], f[keep], g[keep], h[keep]
            low, high, step, gain = low[keep], high[keep], step[keep], gain[keep]
            damping, stalled = damping[keep], stalled[keep]
        trial = np.clip(t + step, low, high)
        moved = trial - t
        predicted = -(g * moved).sum(1) - 0.5 * np.einsum("kp,kpq,kq->k", moved, h, moved)
        ft, gt, ht = objective(trial, rows)
        evaluations += len(rows)
        gained = f - ft
        # Rounding hides gains below this; a step that cannot be told from none is taken.
        noise = 4e-16 * np.abs(f) * 8
        accept = (gained > 0) | ((gained >= -noise) & (np.abs(predicted) <= noise))
        accept &= np.isfinite(ft)
        with np.errstate(all="ignore"):
            ratio = np.where(predicted > 0, gained / predicted, np.where(accept, 1.0, 0.0))
        damping = np.where(
            accept,
            np.where(ratio > 0.75, damping * 0.1, np.where(ratio < 0.25, damping * 3, damping)),
            np.maximum(damping * 10, 1e-3),
        )
        damping = np.clip(damping, 1e-9, 1e12)
        stalled = np.where(accept & (gained > noise), 0, stalled + 1)
        t = np.where(accept[:, None], trial, t)
        f = np.where(accept, ft, f)
        g = np.where(accept[:, None], gt, g)
        h = np.where(accept[:, None, None], ht, h)
    if len(rows):
        theta[rows], value[rows] = t, f
        bound = ((t <= lo[rows]) & (g > 0)) | ((t >= up[rows]) & (g < 0))
        loose = ~(bound | held[rows])
        _, gain, definite = _newton_step(f, g, h, loose, np.zeros(len(rows)))
        decrement[rows], at_bound[rows] = gain, bound
        converged[rows] = (gain <= tolerance * np.abs(f) + rounding) & definite
    return Minima(theta, value, decrement, converged, at_bound, evaluations)


def _newton_step(
    f: Array, g: Array, h: Array, loose: Bool, damping: Array
) -> tuple[Array, Array, Bool]:
    """Damped step on the loose coordinates, its gain g'h^-1 g / 2, definiteness of h."""
    p = g.shape[1]
    each = np.arange(p)
    # Far out a robust loss is linear and its curvature zero: a parabola that falls to zero
    # from here has curvature g^2/2f, which sets the length of the step there.
    curvature = np.abs(h[:, each, each])
    floor = 1e-12 * curvature.max(1, keepdims=True) + 1e-300
    with np.errstate(all="ignore"):
        floor = np.fmax(floor, 1e-3 * g * g / (2.0 * np.abs(f) + 1e-300)[:, None])
    scale = 1.0 / np.sqrt(np.clip(np.maximum(curvature, floor), 1e-200, 1e200))
    both = loose[:, :, None] & loose[:, None, :]
    scaled = np.where(both, h * scale[:, :, None] * scale[:, None, :], 0.0)
    rhs = np.where(loose, -g * scale, 0.0)
    scaled[:, each, each] = np.where(loose, scaled[:, each, each] + damping[:, None], 1.0)
    step, definite = solve_modified(scaled, rhs)
    gain = 0.5 * (step * rhs).sum(1)
    return step * scale, gain, definite
