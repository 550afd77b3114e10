"""Which choice the variance between universes comes from.

On a complete design these are the functional analysis of variance and Sobol's indices, exact.
Where universes failed, main effects are fitted by least squares and total shares come from the
pairs of universes that differ in one choice only.

Source: Sobol 2001, "Global sensitivity indices for nonlinear mathematical models and their
Monte Carlo estimates"; Jansen 1999, "Analysis of variance designs for model output".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Split:
    """Variance of the universes by choice.

    Args:
        variance: Over all universes.
        first: Share of each choice alone, shape (choices,).
        total: Share of each with all its interactions, shape (choices,).
        effects: Mean at each option of each choice, freed of what the others do.
        pairs: Share of the interaction of each two choices; None where the design has holes.
        complete: Whether every combination gave a number.
        confounded: Choices of which some options never occur apart from those of another, so
            that what they do cannot be told apart.
    """

    variance: float
    first: Array
    total: Array
    effects: tuple[Array, ...]
    pairs: dict[tuple[int, int], float] | None
    complete: bool
    confounded: tuple[int, ...]


def split(index: Index, sizes: Sequence[int], y: Array) -> Split:
    """The split of y's variance.

    Args:
        index: Option of each choice in each universe that gave a number, shape (M, choices).
        sizes: Options of each choice.
        y: What each gave, shape (M,).
    """
    count = len(sizes)
    complete = len(y) == int(np.prod(sizes)) if sizes else len(y) == 1
    variance = float(y.var())
    mean, effects, confounded = _effects(index, sizes, y)
    # Universes that agree to rounding have no variance to split.
    if variance <= (1e-9 * max(abs(mean), 1e-300)) ** 2:
        zero = np.zeros(count)
        none = dict.fromkeys(combinations(range(count), 2), 0.0)
        means = tuple(mean + e for e in effects)
        return Split(0.0, zero, zero, means, none if complete else None, complete, confounded)
    first = np.array([(e**2)[np.isfinite(e)].mean() for e in effects]) / variance
    total = np.array([_total(index, sizes, y, i) for i in range(count)]) / variance
    if not complete:
        # A choice that never changes alone has no pairs, but its main effect all the same.
        total = np.maximum(total, first)
    pairs = None
    if complete:
        pairs = {
            (i, j): max(_between(index[:, [i, j]], y) / variance - first[i] - first[j], 0.0)
            for i, j in combinations(range(count), 2)
        }
    return Split(
        variance, first, total, tuple(mean + e for e in effects), pairs, complete, confounded
    )


def _effects(
    index: Index, sizes: Sequence[int], y: Array
) -> tuple[float, tuple[Array, ...], tuple[int, ...]]:
    """Grand mean and main effects, each summing to zero, and which choices are confounded.

    Effects are NaN at options without universes. What options that always go together do is
    shared evenly between them: of all solutions the smallest.
    """
    seen = [np.unique(index[:, i]) for i in range(len(sizes))]
    ones = [(index[:, [i]] == options[None]).astype(float) for i, options in enumerate(seen)]
    design = np.concatenate([np.ones((len(y), 1)), *ones], axis=1)
    centre = float(y.mean())
    found, _, rank, _ = np.linalg.lstsq(design, y - centre, rcond=1e-10)
    mean, effects, confounded, k = centre + float(found[0]), [], [], 1
    for i, options in enumerate(seen):
        own = slice(k, k + len(options))
        k += len(options)
        middle = float(found[own].mean())
        mean += middle
        out = np.full(sizes[i], np.nan)
        out[options] = found[own] - middle
        effects.append(out)
        others = np.delete(design, np.r_[own], axis=1)
        if rank - np.linalg.matrix_rank(others) < len(options) - 1:
            confounded.append(i)
    return mean, tuple(effects), tuple(confounded)


def _cells(index: Index) -> tuple[Index, int]:
    if not index.shape[1]:
        return np.zeros(len(index), np.intp), 1
    _, cell = np.unique(index, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    return cell.astype(np.intp), int(cell.max()) + 1


def _between(index: Index, y: Array) -> float:
    """Variance of the means of the cells."""
    cell, m = _cells(index)
    n = np.bincount(cell, minlength=m)
    means = np.bincount(cell, y, m) / n
    return float(np.average((means - y.mean()) ** 2, weights=n))


def _total(index: Index, sizes: Sequence[int], y: Array, i: int) -> float:
    """Half the mean squared step between universes that differ in choice i alone."""
    cell, m = _cells(np.delete(index, i, axis=1))
    n = np.bincount(cell, minlength=m)
    means = np.bincount(cell, y, m) / n
    squares = np.bincount(cell, (y - means[cell]) ** 2, m)
    several = n > 1
    if not several.any():
        return 0.0
    spread = squares[several] / (n[several] - 1)
    return float(np.average(spread, weights=n[several])) * (sizes[i] - 1) / sizes[i]


def flip_rates(index: Index, sizes: Sequence[int], yes: NDArray[np.bool_]) -> Array:
    """Chance that changing one choice alone changes the decision, shape (choices,).

    Over all pairs of universes that differ in that choice only.
    """
    rates = []
    for i in range(len(sizes)):
        cell, m = _cells(np.delete(index, i, axis=1))
        n = np.bincount(cell, minlength=m).astype(float)
        said = np.bincount(cell, yes.astype(float), m)
        pairs = float((n * (n - 1)).sum())
        rates.append(2 * float((said * (n - said)).sum()) / pairs if pairs else 0.0)
    return np.array(rates)
