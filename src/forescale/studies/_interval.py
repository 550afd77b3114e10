"""Intervals of what a study measures: over worlds, over resamples, and of shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.maths.binomial import share_interval
from forescale.studies import Number

Array = NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 1000


class About(TypedDict, total=False):
    """The fields of a `Number` that are not measured."""

    unit: str
    what: str
    least: float | None
    most: float | None


def number(value: float, draws: ArrayLike, **about: Unpack[About]) -> Number:
    """An estimate with the central 95 % of its draws; a draw that is no number widens it."""
    tail = (1 - LEVEL) / 2
    d = np.asarray(draws, float)
    lo, hi = np.quantile(np.nan_to_num(d, nan=np.inf), tail), np.quantile(d, 1 - tail)
    return Number(float(value), float(lo), float(hi), **about)


def median(values: Array) -> Array:
    """The median over the last axis."""
    return np.asarray(np.median(values, axis=-1))


def mean(values: Array) -> Array:
    """The mean over the last axis."""
    return np.asarray(values.mean(-1))


def over_worlds(
    values: ArrayLike,
    statistic: Callable[[Array], Array] = median,
    *,
    seed: int,
    **about: Unpack[About],
) -> Number:
    """A statistic of one number per independent world, with its bootstrap interval.

    Args:
        values: One number per world, shape (worlds,).
        statistic: Reduces the last axis.
        seed: Seed of the resampling.
        about: Fields of the `Number`.
    """
    v = np.asarray(values, float)
    rng = np.random.default_rng([seed, 94_906])
    drawn = statistic(v[rng.integers(0, len(v), size=(RESAMPLES, len(v)))])
    return number(float(statistic(v[None])[0]), drawn, **about)


def share(hits: ArrayLike, **about: Unpack[About]) -> Number:
    """The share of hits in independent trials, with Clopper and Pearson's interval."""
    h = np.asarray(hits, bool)
    k, n = int(h.sum()), h.size
    return Number(k / n, *share_interval(k, n, level=LEVEL), **about)
