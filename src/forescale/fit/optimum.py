"""Compute-optimal size and data of a law, for many parameter draws at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forescale.maths.lowest import lowest

Array = NDArray[np.float64]
#: (N, D), each of shape (m,) -> losses, shape (K, m) for K parameter draws
Surface = Callable[[Array, Array], Array]

#: Decades of size searched on either side of the middle guess.
REACH = 6.0
POINTS = 481


def best_size(surface: Surface, flops: float, guess: float) -> tuple[Array, Array]:
    """Size that minimises loss at 6 N D = flops, per draw, and the loss there; shapes (K,).

    NaN where loss still falls at the end of the search: that draw has no optimum.
    """
    x = np.log(guess) + np.log(10.0) * np.linspace(-REACH, REACH, POINTS)
    n = np.exp(x)
    loss = surface(n, flops / (6.0 * n))
    at, low = lowest(x, loss)
    return np.exp(at), low


def flat_range(surface: Surface, flops: float, n_opt: float, within: float) -> tuple[float, float]:
    """Sizes between which the loss stays within a share of its optimum, for one law.

    An end is zero or infinite where the loss stays within it as far as was searched.
    """
    x = np.log(n_opt) + np.log(10.0) * np.linspace(-3.0, 3.0, 2001)
    n = np.exp(x)
    loss = surface(n, flops / (6.0 * n))[0]
    limit = float(surface(np.array([n_opt]), np.array([flops / (6 * n_opt)]))[0, 0]) * (1 + within)
    high = np.flatnonzero(~(loss <= limit))
    left, right = high[high < 1000], high[high > 1000]

    def cross(i: int, j: int) -> float:
        share = (limit - loss[i]) / (loss[j] - loss[i])
        return float(np.exp(x[i] + share * (x[j] - x[i])))

    lo = cross(int(left[-1]), int(left[-1]) + 1) if len(left) else 0.0
    hi = cross(int(right[0]), int(right[0]) - 1) if len(right) else float("inf")
    return lo, hi


def balance(surface: Surface, *, params: float | None, tokens: float | None, guess: float) -> Array:
    """The partner that makes a given size (or token count) compute-optimal, per draw.

    At the optimum of any budget a per cent more size buys as much as a per cent more data:
    dL/dlog N = dL/dlog D. NaN where the two never balance.
    """
    x = np.log(guess) + np.log(10.0) * np.linspace(-REACH, REACH, POINTS)
    other = np.exp(x)
    step = 1e-4
    given = np.full(POINTS, params if params is not None else tokens, float)
    n, d = (given, other) if params is not None else (other, given)
    slope_n = surface(n * np.exp(step), d) - surface(n * np.exp(-step), d)
    slope_d = surface(n, d * np.exp(step)) - surface(n, d * np.exp(-step))
    gap = slope_n - slope_d
    change = np.signbit(gap[:, 1:]) != np.signbit(gap[:, :-1])
    change &= np.isfinite(gap[:, 1:]) & np.isfinite(gap[:, :-1])
    has = change.any(1)
    i = np.argmax(change, axis=1)
    rows = np.arange(len(gap))
    a, b = gap[rows, i], gap[rows, i + 1]
    with np.errstate(all="ignore"):
        share = np.where(b != a, a / (a - b), 0.5)
    return np.where(has, np.exp(x[i] + share * (x[1] - x[0])), np.nan)
