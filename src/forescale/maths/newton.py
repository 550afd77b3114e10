"""Newton's method for thousands of small bounded problems at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.maths.cholesky import solve_modified

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]
#: value (k,), gradient (k, p), Hessian (k, p, p)
Parts = tuple[Array, Array, Array]
#: (theta (k, p), rows of the batch (k,)) -> value, gradient and Hessian
Objective = Callable[[Array, NDArray[np.intp]], Parts]


#: Steps in a row that may end above the best value, and how far above it, relatively.
STRAY = 2
CLIMB = 0.1
#: Steps taken on an approximate Hessian at most, and the relative gain of a step below which
#: the exact one takes over: the end is then one or two steps away.
ROUGH = 12
FINISH = 1e-4
#: A bend of the first step is followed if it is less than this share of the step's length.
BENT = 0.5


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
    approach: Objective | None = None,
    first: Parts | None = None,
    bend: Callable[[Array, NDArray[np.intp]], Array] | None = None,
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
        approach: The same function with an approximate Hessian that is cheaper or never
            indefinite. It leads the way; the exact one finishes, and proves the minimum.
        first: What `approach`, or `objective` where there is none, gives at the start.
        bend: (step, rows) -> by how much the gradient at the end of the first step will differ
            from what the approximate Hessian says, twice.
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
    # Whether the Hessian at hand is the exact one, and whether the next one is to be.
    known = np.full(k, approach is None)
    finishing = known.copy()
    f, g, h = first or (approach or objective)(t, rows)
    evaluations = 0 if first else k
    damping = np.full(k, 1e-4 if bend is None else 1e-6)
    stalled = np.zeros(k, int)
    # The best place seen and what is known there; the current place may lie above it.
    bt, bf, bg, bh, bknown = t, f, g, h, known
    strayed = np.zeros(k, int)
    for turn in range(max_iterations):
        low, high, fixed = lo[rows], up[rows], held[rows]
        bound = ((t <= low) & (g > 0)) | ((t >= high) & (g < 0))
        loose = ~(bound | fixed)
        step, gain, definite = _newton_step(f, g, h, loose, damping)
        # The gain of an undamped step is the proof of convergence; damping only shrinks it.
        size = np.maximum(np.abs(f), 1e-300)
        small = (gain <= tolerance * size + rounding) & (definite | ~loose.any(1))
        small &= (damping <= 1e-2) & (strayed == 0) & known & np.isfinite(f)
        # A problem on a detour leaves from its best place, to which it soon returns.
        done = small | ((stalled > 12) & (strayed == 0)) | ~np.isfinite(f)
        if done.any():
            r = rows[done]
            theta[r], value[r], decrement[r] = bt[done], bf[done], gain[done]
            stuck = done & ~small
            if stuck.any():
                # Rejected steps have raised the damping, which would hide what is left to gain.
                _, decrement[rows[stuck]], _ = _newton_step(
                    f[stuck], g[stuck], h[stuck], loose[stuck], np.zeros(int(stuck.sum()))
                )
                decrement[rows[stuck & ~np.isfinite(f)]] = np.inf
            converged[r] = small[done]
            at_bound[r] = bound[done]
            keep = ~done
            if not keep.any():
                rows = rows[keep]
                break
            rows, t, f, g, h = rows[keep], t[keep], f[keep], g[keep], h[keep]
            bt, bf, bg, bh = bt[keep], bf[keep], bg[keep], bh[keep]
            low, high, loose, step = low[keep], high[keep], loose[keep], step[keep]
            damping, stalled, strayed = damping[keep], stalled[keep], strayed[keep]
            known, bknown, finishing = known[keep], bknown[keep], finishing[keep]
            gain, size = gain[keep], size[keep]
        finishing |= (gain <= FINISH * size) | (turn >= ROUGH) | (stalled > 1)
        step = _boxed(step, f, g, h, loose, damping, low - t, high - t)
        # An exact step that failed from an approximate place: look at that place exactly.
        again = finishing & ~known & (stalled > 0) & (strayed == 0)
        trial = np.where(again[:, None], t, np.clip(t + step, low, high))
        moved = trial - t
        predicted = -(g * moved).sum(1) - 0.5 * np.einsum("kp,kpq,kq->k", moved, h, moved)
        if bend is not None and turn == 0:
            moved = _bent(bend(moved, rows), moved, f, h, loose, damping)
            trial = np.clip(t + moved, low, high)
        ft, gt, ht = _evaluate(objective, approach, trial, rows, finishing)
        evaluations += len(rows)
        gained = bf - ft
        # Rounding hides gains below this; a step that cannot be told from none is taken.
        noise = 4e-16 * np.abs(bf) * 8
        better = (gained > 0) | ((gained >= -noise) & (np.abs(predicted) <= noise))
        better &= np.isfinite(ft)
        # Along a curved valley a long step climbs its wall and the next one falls to its floor
        # farther on: a step up is forgiven while the following ones may still pay for it.
        forgiven = ~better & (strayed < STRAY) & (ft <= bf + CLIMB * np.abs(bf))
        with np.errstate(all="ignore"):
            ratio = np.where(predicted > 0, (f - ft) / predicted, 1.0)
        eased = np.where(ratio < 0.25, damping * 3, damping)
        relaxed = np.where(ratio > 0.75, damping * 0.1, eased)
        damping = np.where(
            better,
            np.where(strayed > 0, damping * 0.1, relaxed),
            np.where(forgiven, damping, np.maximum(damping * 10, 1e-3)),
        )
        damping = np.clip(damping, 1e-9, 1e12)
        stalled = np.where(better & (gained > noise), 0, stalled + 1)
        strayed = np.where(forgiven, strayed + 1, 0)
        bt = np.where(better[:, None], trial, bt)
        bf = np.where(better, ft, bf)
        bg = np.where(better[:, None], gt, bg)
        bh = np.where(better[:, None, None], ht, bh)
        bknown = np.where(better, finishing, bknown)
        # Where the detour did not pay, back to the best place with more damping.
        t = np.where(forgiven[:, None], trial, bt)
        f = np.where(forgiven, ft, bf)
        g = np.where(forgiven[:, None], gt, bg)
        h = np.where(forgiven[:, None, None], ht, bh)
        known = np.where(forgiven, finishing, bknown)
    t, f, g, h = bt, bf, bg, bh
    if len(rows):
        theta[rows], value[rows] = t, f
        bound = ((t <= lo[rows]) & (g > 0)) | ((t >= up[rows]) & (g < 0))
        loose = ~(bound | held[rows])
        _, gain, definite = _newton_step(f, g, h, loose, np.zeros(len(rows)))
        decrement[rows], at_bound[rows] = gain, bound
        converged[rows] = (gain <= tolerance * np.abs(f) + rounding) & definite & bknown
    return Minima(theta, value, decrement, converged, at_bound, evaluations)


def _evaluate(
    objective: Objective,
    approach: Objective | None,
    theta: Array,
    rows: NDArray[np.intp],
    exact: Bool,
) -> Parts:
    """The objective at each point, with the exact Hessian only where it is asked for."""
    if approach is None or exact.all():
        return objective(theta, rows)
    if not exact.any():
        return approach(theta, rows)
    k, p = theta.shape
    f, g, h = np.empty(k), np.empty((k, p)), np.empty((k, p, p))
    f[exact], g[exact], h[exact] = objective(theta[exact], rows[exact])
    f[~exact], g[~exact], h[~exact] = approach(theta[~exact], rows[~exact])
    return f, g, h


def _bent(q: Array, step: Array, f: Array, h: Array, loose: Bool, damping: Array) -> Array:
    """The step with the second-order correction h^-1 q / 2, where that is small beside it."""
    more, _, _ = _newton_step(f, 0.5 * q, h, loose, damping)
    scale = np.sqrt(np.abs(np.einsum("kpp->kp", h)))
    with np.errstate(all="ignore"):
        share = np.linalg.norm(more * scale, axis=1) / np.linalg.norm(step * scale, axis=1)
    return np.where((share < BENT)[:, None], step + more, step)


def _boxed(
    step: Array,
    f: Array,
    g: Array,
    h: Array,
    loose: Bool,
    damping: Array,
    least: Array,
    most: Array,
) -> Array:
    """The step with coordinates that would leave the box on its wall and the rest re-solved.

    A step that is only clipped is no Newton step for the coordinates that stay inside: with
    a bound active it creeps.
    """
    walled = np.zeros_like(loose)
    for _ in range(2):
        out = loose & ~walled & ((step < least) | (step > most))
        rows = np.flatnonzero(out.any(1))
        if not len(rows):
            break
        walled |= out
        wall = np.where(walled[rows], np.clip(step[rows], least[rows], most[rows]), 0.0)
        slope = g[rows] + np.einsum("kpq,kq->kp", h[rows], wall)
        free = loose[rows] & ~walled[rows]
        rest, _, _ = _newton_step(f[rows], slope, h[rows], free, damping[rows])
        step = step.copy()
        step[rows] = wall + rest
    return step


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
