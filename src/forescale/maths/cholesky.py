"""Many small symmetric systems at once, made positive definite where they are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def solve_modified(h: Array, g: Array, *, floor: float = 1e-10) -> tuple[Array, NDArray[np.bool_]]:
    """Solve h s = g by LDL', raising pivots that are not safely positive.

    Args:
        h: Symmetric matrices, shape (K, p, p); scaled to unit diagonal for best effect.
        g: Right-hand sides, shape (K, p).
        floor: Least pivot allowed, as a share of the largest diagonal entry.

    Returns:
        s, shape (K, p), and for each system whether it was positive definite as given.
        A raised pivot takes the absolute value, so that s'g > 0 always: a descent
        direction for a minimiser.

    A loop over the p(p+1)/2 entries with the batch innermost: for p below about ten this
    is several times faster than one LAPACK call per system.
    """
    p = g.shape[1]
    a = np.ascontiguousarray(np.moveaxis(h, 0, -1))
    b = np.ascontiguousarray(g.T)
    least = floor * np.maximum(np.abs(a[np.arange(p), np.arange(p)]).max(axis=0), 1e-300)
    definite = np.ones(g.shape[0], bool)
    low: list[list[Array]] = []
    inverse: list[Array] = []
    scaled: list[list[Array]] = []
    for j in range(p):
        row: list[Array] = []
        row_scaled: list[Array] = []
        d = a[j, j]
        for k in range(j):
            v = a[j, k]
            for m in range(k):
                v = v - row_scaled[m] * low[k][m]
            x = v * inverse[k]
            row.append(x)
            row_scaled.append(v)
            d = d - x * v
        good = d > least
        if not good.all():
            definite &= good
            d = np.where(good, d, np.maximum(np.abs(d), least))
        low.append(row)
        scaled.append(row_scaled)
        inverse.append(1.0 / d)
    z: list[Array] = []
    for j in range(p):
        v = b[j]
        for k in range(j):
            v = v - low[j][k] * z[k]
        z.append(v)
    s = [z[j] * inverse[j] for j in range(p)]
    for j in range(p - 1, -1, -1):
        for k in range(j + 1, p):
            s[j] = s[j] - low[k][j] * s[k]
    return np.stack(s, axis=1), definite
