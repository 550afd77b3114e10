"""The lowest point of curves known on a grid, finer than the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def lowest(x: Array, y: Array) -> tuple[Array, Array]:
    """Where each curve is lowest, and how low: the vertex of the parabola through three points.

    Args:
        x: Evenly spaced grid, shape (m,).
        y: Curves on it, shape (K, m); what is not finite counts as high.

    Returns:
        Place and value, each of shape (K,); NaN where the lowest point is an end of the grid.
    """
    rows = np.arange(len(y))
    safe = np.where(np.isfinite(y), y, np.inf)
    i = np.argmin(safe, axis=1)
    inside = (i > 0) & (i < len(x) - 1)
    j = np.clip(i, 1, len(x) - 2)
    a, b, c = safe[rows, j - 1], safe[rows, j], safe[rows, j + 1]
    with np.errstate(all="ignore"):
        shift = 0.5 * (a - c) / (a - 2 * b + c)
        low = b - 0.25 * (a - c) * shift
    shift = np.where(np.isfinite(shift), np.clip(shift, -1, 1), 0.0)
    at = x[j] + shift * (x[1] - x[0])
    return np.where(inside, at, np.nan), np.where(inside, low, np.nan)
