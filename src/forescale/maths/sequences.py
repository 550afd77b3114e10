"""Quasi-random points: even coverage of a box without scipy.stats (a second to import)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def kronecker(n: int, dimensions: int, *, seed: int = 0) -> NDArray[np.float64]:
    """The first n points of the R_d additive recurrence in the unit cube, shape (n, d).

    Source: M. Roberts 2018, "The Unreasonable Effectiveness of Quasirandom Sequences": steps
    by powers of the inverse of the root of x^(d+1) = x + 1, the plastic numbers.
    """
    phi = 2.0
    for _ in range(60):
        phi = (1.0 + phi) ** (1.0 / (dimensions + 1))
    steps = phi ** -np.arange(1.0, dimensions + 1)
    offset = np.random.default_rng(seed).random(dimensions) if seed else 0.5
    return np.asarray((offset + np.arange(1, n + 1)[:, None] * steps) % 1.0)
