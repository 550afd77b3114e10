"""Newton's method for thousands of small bounded problems at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

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
    ends = _Ends(np.clip(start, lo, up))
    w = _Walk.begin(ends.theta, objective, approach, first, damping=1e-4 if bend is None else 1e-6)
    ends.evaluations = 0 if first else k
    for turn in range(max_iterations):
        low, high, fixed = lo[w.rows], up[w.rows], held[w.rows]
        bound = ((w.t <= low) & (w.g > 0)) | ((w.t >= high) & (w.g < 0))
        loose = ~(bound | fixed)
        step, gain, definite = _newton_step(w.f, w.g, w.h, loose, w.damping)
        # The gain of an undamped step is the proof of convergence; damping only shrinks it.
        size = np.maximum(np.abs(w.f), 1e-300)
        small = (gain <= tolerance * size + rounding) & (definite | ~loose.any(1))
        small &= (w.damping <= 1e-2) & (w.strayed == 0) & w.known & np.isfinite(w.f)
        # A problem on a detour leaves from its best place, to which it soon returns.
        done = small | ((w.stalled > 12) & (w.strayed == 0)) | ~np.isfinite(w.f)
        if done.any():
            ends.take(w, done, small, gain, bound, loose)
            keep = ~done
            w.keep(keep)
            if not len(w.rows):
                break
            low, high, loose, step = low[keep], high[keep], loose[keep], step[keep]
            gain, size = gain[keep], size[keep]
        w.finishing |= (gain <= FINISH * size) | (turn >= ROUGH) | (w.stalled > 1)
        step = _boxed(step, w.f, w.g, w.h, loose, w.damping, low - w.t, high - w.t)
        # An exact step that failed from an approximate place: look at that place exactly.
        again = w.finishing & ~w.known & (w.stalled > 0) & (w.strayed == 0)
        trial = np.where(again[:, None], w.t, np.clip(w.t + step, low, high))
        moved = trial - w.t
        predicted = -(w.g * moved).sum(1) - 0.5 * np.einsum("kp,kpq,kq->k", moved, w.h, moved)
        if bend is not None and turn == 0:
            moved = _bent(bend(moved, w.rows), moved, w.f, w.h, loose, w.damping)
            trial = np.clip(w.t + moved, low, high)
        found = _evaluate(objective, approach, trial, w.rows, w.finishing)
        ends.evaluations += len(w.rows)
        w.move(trial, found, predicted)
    ends.stop(w, lo, up, held, tolerance, rounding)
    return ends.minima()


@dataclass
class _Walk:
    """Problems still on their way: where each stands, and the best place it has seen.

    The current place may lie above the best one. `known` says whether the Hessian at hand is
    the exact one, `finishing` whether the next one is to be.
    """

    rows: NDArray[np.intp]
    t: Array
    f: Array
    g: Array
    h: Array
    known: Bool
    best_t: Array
    best_f: Array
    best_g: Array
    best_h: Array
    best_known: Bool
    finishing: Bool
    damping: Array
    stalled: NDArray[np.intp]
    strayed: NDArray[np.intp]

    @staticmethod
    def begin(
        start: Array,
        objective: Objective,
        approach: Objective | None,
        first: Parts | None,
        *,
        damping: float,
    ) -> _Walk:
        """All problems at their starts."""
        k = len(start)
        rows, t = np.arange(k), start.copy()
        f, g, h = first or (approach or objective)(t, rows)
        known = np.full(k, approach is None)
        none = np.zeros(k, np.intp)
        return _Walk(
            rows,
            t,
            f,
            g,
            h,
            known,
            t,
            f,
            g,
            h,
            known,
            known.copy(),
            np.full(k, damping),
            none,
            none,
        )

    def keep(self, some: Bool) -> None:
        """Let the other problems go."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[some])

    def move(self, trial: Array, found: Parts, predicted: Array) -> None:
        """Go to the trial points where that pays or may yet pay, and set the damping."""
        ft, gt, ht = found
        gained = self.best_f - ft
        # Rounding hides gains below this; a step that cannot be told from none is taken.
        noise = 4e-16 * np.abs(self.best_f) * 8
        better = (gained > 0) | ((gained >= -noise) & (np.abs(predicted) <= noise))
        better &= np.isfinite(ft)
        # Along a curved valley a long step climbs its wall and the next one falls to its floor
        # farther on: a step up is forgiven while the following ones may still pay for it.
        limit = self.best_f + CLIMB * np.abs(self.best_f)
        forgiven = ~better & (self.strayed < STRAY) & (ft <= limit)
        with np.errstate(all="ignore"):
            ratio = np.where(predicted > 0, (self.f - ft) / predicted, 1.0)
        eased = np.where(ratio < 0.25, self.damping * 3, self.damping)
        relaxed = np.where(ratio > 0.75, self.damping * 0.1, eased)
        damping = np.where(
            better,
            np.where(self.strayed > 0, self.damping * 0.1, relaxed),
            np.where(forgiven, self.damping, np.maximum(self.damping * 10, 1e-3)),
        )
        self.damping = np.clip(damping, 1e-9, 1e12)
        self.stalled = np.where(better & (gained > noise), 0, self.stalled + 1)
        self.strayed = np.where(forgiven, self.strayed + 1, 0)
        self.best_t = np.where(better[:, None], trial, self.best_t)
        self.best_f = np.where(better, ft, self.best_f)
        self.best_g = np.where(better[:, None], gt, self.best_g)
        self.best_h = np.where(better[:, None, None], ht, self.best_h)
        self.best_known = np.where(better, self.finishing, self.best_known)
        # Where the detour did not pay, back to the best place with more damping.
        self.t = np.where(forgiven[:, None], trial, self.best_t)
        self.f = np.where(forgiven, ft, self.best_f)
        self.g = np.where(forgiven[:, None], gt, self.best_g)
        self.h = np.where(forgiven[:, None, None], ht, self.best_h)
        self.known = np.where(forgiven, self.finishing, self.best_known)


class _Ends:
    """Where each problem of the batch ended, as far as they have."""

    def __init__(self, theta: Array) -> None:
        k, p = theta.shape
        self.theta = theta
        self.value, self.decrement = np.full(k, np.inf), np.full(k, np.inf)
        self.converged, self.at_bound = np.zeros(k, bool), np.zeros((k, p), bool)
        self.evaluations = 0

    def take(
        self, w: _Walk, done: Bool, small: Bool, gain: Array, bound: Bool, loose: Bool
    ) -> None:
        """Note the problems that are done: at a proven minimum, stuck, or without a value."""
        r = w.rows[done]
        self.theta[r], self.value[r] = w.best_t[done], w.best_f[done]
        self.decrement[r] = gain[done]
        stuck = done & ~small
        if stuck.any():
            # Rejected steps have raised the damping, which would hide what is left to gain.
            none = np.zeros(int(stuck.sum()))
            _, left, _ = _newton_step(w.f[stuck], w.g[stuck], w.h[stuck], loose[stuck], none)
            self.decrement[w.rows[stuck]] = np.where(np.isfinite(w.f[stuck]), left, np.inf)
        self.converged[r] = small[done]
        self.at_bound[r] = bound[done]

    def stop(
        self, w: _Walk, lo: Array, up: Array, held: Bool, tolerance: float, rounding: float
    ) -> None:
        """Note the problems that ran out of turns, at their best places."""
        r = w.rows
        if not len(r):
            return
        t, f, g, h = w.best_t, w.best_f, w.best_g, w.best_h
        self.theta[r], self.value[r] = t, f
        bound = ((t <= lo[r]) & (g > 0)) | ((t >= up[r]) & (g < 0))
        loose = ~(bound | held[r])
        _, gain, definite = _newton_step(f, g, h, loose, np.zeros(len(r)))
        self.decrement[r], self.at_bound[r] = gain, bound
        proved = (gain <= tolerance * np.abs(f) + rounding) & definite
        self.converged[r] = proved & w.best_known

    def minima(self) -> Minima:
        """The ends as a value."""
        return Minima(
            self.theta,
            self.value,
            self.decrement,
            self.converged,
            self.at_bound,
            self.evaluations,
        )


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
