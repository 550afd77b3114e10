"""Intervals of what a simulation measures: statistics over worlds, and shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.studies._contract import Number

Array = NDArray[np.float64]
LEVEL = 0.95


def over_worlds(
    values: ArrayLike,
    statistic: Callable[[Array], Array] = lambda v: np.median(v, axis=-1),
    *,
    seed: int,
    **about: Any,
) -> Number:
    """A statistic over independent worlds, with its bootstrap interval.

    Args:
        values: One number (or one row, of shape (worlds, m)) per world.
        statistic: Reduces the worlds: the last axis, or the second last where `values` has
            rows; called with a leading axis of resamples.
        seed: Seed of the resampling.
        about: Fields of the `Number`: what, unit, least, most.
    """
    v = np.asarray(values, float)
    rng = np.random.default_rng([seed, 94_906])
    index = rng.integers(0, len(v), size=(1000, len(v)))
    drawn = statistic(v[index])
    lo, hi = np.quantile(drawn, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return Number(float(statistic(v[None])[0]), float(lo), float(hi), **about)


def share(hits: ArrayLike, **about: Any) -> Number:
    """The share of hits in independent trials, with Clopper and Pearson's interval."""
    from scipy.stats import beta

    h = np.asarray(hits, bool)
    k, n = int(h.sum()), h.size
    tail = (1 - LEVEL) / 2
    lo = float(beta.ppf(tail, k, n - k + 1)) if k else 0.0
    hi = float(beta.ppf(1 - tail, k + 1, n - k)) if k < n else 1.0
    return Number(k / n, lo, hi, **about)
