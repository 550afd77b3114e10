"""Intervals of a sequence from its past residuals, whose quantiles are learned as it goes.

Source: Xu & Xie 2023, "Sequential Predictive Conformal Inference for Time Series".
"""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, MissingExtra, TooFewRuns, check_level

Array = NDArray[np.float64]

#: Trees, and residuals in a leaf at the least. With fewer in a leaf the ends of the interval rest
#: on one or two residuals and it covers less than it says.
TREES, LEAF = 50, 20
#: Places at which the split of what the level leaves is tried. The narrowest of many is partly
#: luck: on twelve sequences of memory 0.9, 21 places cover 89.0 %, and 5 cover 89.7 % at 2 % more
#: width.
SPLITS = 5
#: Contexts below which a forest has nothing to tell apart.
LEAST = 20


def conditional_interval(
    contexts: ArrayLike,
    residuals: ArrayLike,
    queries: ArrayLike,
    *,
    level: float,
    seed: int,
    trees: int = TREES,
    leaf: int = LEAF,
) -> tuple[Array, Array]:
    """Intervals of the residuals to come, from those that came after contexts like theirs.

    A quantile regression forest weighs the known residuals by how often they share a leaf with
    the query; of all intervals with `level` of the weight the narrowest is taken, so that a
    skewed residual does not pay for a symmetry it has not.

    Args:
        contexts: What was seen before each known residual, shape (n, w).
        residuals: The known residuals, shape (n,).
        queries: What was seen before those to come, shape (q, w).
        level: Share of the weight inside.
        seed: Seed of the forest.
        trees: Trees.
        leaf: Residuals in a leaf, at least.

    Returns:
        Lower and upper ends, each of shape (q,), in the unit of the residuals.

    Raises:
        BadOption: If shapes do not fit, a value is no number, or level, trees or leaf cannot be
            used.
        TooFewRuns: If there are fewer than 20 known residuals.
        MissingExtra: If scikit-learn is not installed.

    Source: Meinshausen 2006, "Quantile Regression Forests", as used by Xu & Xie 2023.
    """
    x, y, at = (np.asarray(v, float) for v in (contexts, residuals, queries))
    if x.ndim != 2 or y.shape != x.shape[:1] or at.ndim != 2 or at.shape[1:] != x.shape[1:]:
        raise BadOption(f"contexts {x.shape}, residuals {y.shape}, queries {at.shape} do not fit")
    if not all(np.isfinite(v).all() for v in (x, y, at)):
        raise BadOption("a residual is not a finite number")
    check_level(level, "as in 0.9")
    if trees < 1 or leaf < 1:
        raise BadOption(f"{trees} trees with {leaf} residuals in a leaf make no forest")
    if len(y) < LEAST:
        raise TooFewRuns(f"{len(y)} residuals are too few to learn from", fix=f"{LEAST} or more")
    weight = _leaf_weights(x, y, at, _forest(trees, leaf, seed))
    # The residual to come counts as one more beside the 1 / sum w^2 that the weights amount to.
    inside = np.minimum(level * (1.0 + (weight**2).sum(1)), 1.0)[:, None]
    order = np.argsort(y)
    below = np.cumsum(weight[:, order], axis=1)
    left = (1 - inside) * np.linspace(0.0, 1.0, SPLITS)
    lo = _quantile(y[order], below, left)
    hi = _quantile(y[order], below, left + inside)
    best = np.argmin(hi - lo, axis=1)
    rows = np.arange(len(at))
    return lo[rows, best], hi[rows, best]


def intervals(
    residuals: ArrayLike,
    *,
    level: float,
    start: int,
    window: int = 5,
    every: int = 1,
    seed: int = 0,
    trees: int = TREES,
    leaf: int = LEAF,
) -> tuple[Array, Array]:
    """Intervals of each residual of a sequence from those before it alone.

    Where the sequence is stationary and mixing they hold `level` of the residuals in the long
    run; no finite number of them is a guarantee.

    Args:
        residuals: Truth minus forecast in order of time, shape (T,); forecasts must have been
            made without their truths.
        level: Share to be inside.
        start: First residual to give an interval for; those before only teach.
        window: Residuals in a context.
        every: Steps between two fits of the forest; 1 is the paper's, more is faster.
        seed: Seed of the forests.
        trees: Trees.
        leaf: Residuals in a leaf, at least.

    Returns:
        Lower and upper ends, each of shape (T - start,); add the forecasts.

    Raises:
        BadOption: If an argument cannot be used.
        TooFewRuns: If fewer than 20 contexts come before `start`.
        MissingExtra: If scikit-learn is not installed.

    Source: Xu & Xie 2023, Algorithm 1.
    """
    r = np.asarray(residuals, float)
    if r.ndim != 1 or window < 1 or every < 1 or not window < start < len(r):
        raise BadOption(
            f"{r.shape} residuals, window {window}, start {start}, every {every}",
            fix="a row of residuals with window < start < its length",
        )
    before = np.lib.stride_tricks.sliding_window_view(r[:-1], window)
    lo, hi = np.empty((2, len(r) - start))
    for first in range(start, len(r), every):
        last = min(first + every, len(r))
        lo[first - start : last - start], hi[first - start : last - start] = conditional_interval(
            before[: first - window],
            r[window:first],
            before[first - window : last - window],
            level=level,
            seed=seed,
            trees=trees,
            leaf=leaf,
        )
    return lo, hi


def _forest(trees: int, leaf: int, seed: int) -> Any:
    if importlib.util.find_spec("sklearn") is None:
        raise MissingExtra(
            "quantile forests need scikit-learn", fix="pip install 'forescale[forest]'"
        )
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(trees, min_samples_leaf=leaf, random_state=seed)


def _leaf_weights(x: Array, y: Array, at: Array, forest: Any) -> Array:
    """Weight of each known residual for each query, shape (q, n): rows sum to 1.

    A tree weighs the residuals that it was not grown on: those that chose its splits lie closer
    together in its leaves than new ones will.
    """
    forest.fit(x, y)
    known, asked = forest.apply(x), forest.apply(at)
    weight = np.zeros((len(at), len(y)))
    for tree, grown_on in enumerate(forest.estimators_samples_):
        fresh = np.ones(len(y), bool)
        fresh[grown_on] = False
        same = (asked[:, tree, None] == known[None, :, tree]) & fresh
        weight += same / np.maximum(same.sum(1, keepdims=True), 1)
    total = weight.sum(1, keepdims=True)
    return np.asarray(np.where(total > 0, weight, 1.0) / np.where(total > 0, total, len(y)))


def _quantile(values: Array, below: Array, at: Array) -> Array:
    """Quantiles of sorted values at probabilities `at`, (q, p), by cumulative weights (q, n)."""
    index = (below[:, :, None] < at[:, None, :] - 1e-12).sum(1)
    return np.asarray(values[np.minimum(index, len(values) - 1)])
