"""Where along an axis runs begin to fail, as a posterior on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.emergence._estimate import Estimate
from forescale.errors import BadTable, TooFewRuns

Array = NDArray[np.float64]

#: Decades beyond the values seen in which the boundary may lie, and its grids.
BEYOND, HEIGHTS, SLOPES = 1.0, 121, 61
#: Decades per decade of size that the boundary may move, either way, and its scatter in decades.
STEEPEST = 1.5
SCATTERS = (0.03, 0.07, 0.15, 0.3, 0.6, 1.5, 4.0)


@dataclass(frozen=True)
class Boundary:
    """Probabilities of boundaries height + slope * x with a scatter.

    Args:
        heights: Height at x = 0, decades, shape (h,).
        slopes: Decades per unit of x, shape (s,).
        mass: Posterior probability, shape (h, s).
        scatter: Mean scatter of runs about the boundary, decades.
    """

    heights: Array
    slopes: Array
    mass: Array
    scatter: float

    def at(self, x: float, level: float) -> Estimate:
        """Median and central interval of the boundary at x, decades."""
        return _central(self.heights[:, None] + self.slopes * x, self.mass, level)

    def slope(self, level: float) -> Estimate:
        """Median and central interval of the slope."""
        return _central(np.broadcast_to(self.slopes, self.mass.shape), self.mass, level)


def boundary(value: Array, failed: NDArray[np.bool_], x: Array | None = None) -> Boundary:
    """The posterior of where runs begin to fail, flat in height and slope.

    Each run fails where its value lies above the boundary at its x plus a normal error of its
    own. Scatters are equally likely beforehand; a perfect separation leaves all heights between.

    Args:
        value: log10 of what runs fail of, shape (n,).
        failed: Whether it did, shape (n,).
        x: Where the boundary may move with, shape (n,); None for a boundary that stays.
    """
    from scipy.special import log_ndtr

    place = np.zeros_like(value) if x is None else x
    slopes = np.zeros(1) if x is None else np.linspace(-STEEPEST, STEEPEST, SLOPES)
    heights = np.linspace(value.min() - BEYOND, value.max() + BEYOND, HEIGHTS)
    cells, which = np.unique(np.stack([value, place]), axis=1, return_inverse=True)
    bad = np.bincount(which.ravel(), weights=failed, minlength=cells.shape[1])
    good = np.bincount(which.ravel(), minlength=cells.shape[1]) - bad
    above = cells[0] - heights[:, None, None] - slopes[:, None] * cells[1]
    logs = np.stack([log_ndtr(above / s) @ bad + log_ndtr(-above / s) @ good for s in SCATTERS])
    mass = np.exp(logs - logs.max())
    mass /= mass.sum()
    return Boundary(heights, slopes, mass.sum(0), float(mass.sum((1, 2)) @ SCATTERS))


def _central(values: Array, mass: Array, level: float) -> Estimate:
    order = np.argsort(values, axis=None)
    weight = mass.ravel()[order]
    middle = np.cumsum(weight) - 0.5 * weight
    tail = 0.5 * (1 - level)
    return Estimate(*np.interp([0.5, tail, 1 - tail], middle, values.ravel()[order]).tolist())


def checked(
    N: ArrayLike, lr: ArrayLike, diverged: ArrayLike, target: float
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """log10 of size and rate, and whether runs failed.

    Raises:
        BadTable: If shapes do not match, a number is not above 0, or all runs went one way.
        TooFewRuns: If there are fewer than two sizes.
    """
    size, rate = np.ravel(np.asarray(N, float)), np.ravel(np.asarray(lr, float))
    failed = np.ravel(np.asarray(diverged, bool))
    if not len(size) == len(rate) == len(failed):
        raise BadTable(
            f"{len(size)} sizes, {len(rate)} rates and {len(failed)} ends do not belong together",
            fix="give one of each per run",
        )
    for name, values in (("N", size), ("lr", rate), ("target", np.array([target]))):
        if not (np.isfinite(values).all() and (values > 0).all()):
            raise BadTable("a value is not above 0", where=name, fix="leave out that run")
    if (found := len(np.unique(size))) < 2:
        raise TooFewRuns(f"{found} sizes", where="N", fix="give runs of 2 sizes or more")
    if failed.all() or not failed.any():
        word, side = ("every", "lower") if failed.all() else ("no", "higher")
        raise BadTable(f"{word} run diverged", where="diverged", fix=f"add {side} rates")
    return np.log10(size), np.log10(rate), failed
