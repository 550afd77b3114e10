"""Where more scale hurts: a rise at the largest scales, which no monotone law can say.

A law fitted through losses that fall and then rise again goes on falling beyond them. So the
largest scales are asked by themselves: the slope of a straight line through the last four runs,
the last five... one-sided, each p multiplied by the number of tails. How much runs scatter is told
by a cubic in log scale through all of them, or a smooth bend would be taken for noise.

Source: Handina & Mazumdar 2024, "Rethinking Scaling Laws for Learning in Strategic
Environments", for worlds in which larger models are worse; McKenzie et al. 2023, "Inverse
Scaling: When Bigger Isn't Better".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Level of the test, runs of the shortest tail, distinct scales that a tail must have.
ALPHA, SHORTEST, SCALES = 0.01, 4, 3
#: Degree of the curve that tells the scatter, and degrees of freedom that it must leave.
DEGREE, LEAST_DOF = 3, 3
#: Share of the runs in the longest tail.
LONGEST = 2.0 / 3.0


@dataclass(frozen=True)
class Rise:
    """More scale makes it worse.

    Args:
        since: Smallest scale of the tail that tells it most clearly.
        p: Of a tail that does not get worse, corrected for the number of tails.
    """

    since: float
    p: float


def rise(scale: Array, worse: Array) -> Rise | None:
    """The rise at the largest scales, or None where none is told.

    Args:
        scale: Scale of each run, shape (n,), above zero.
        worse: What should fall with scale, such as a loss, shape (n,).
    """
    # Not scipy.stats, whose import takes a second.
    from scipy.special import stdtr

    order = np.argsort(scale, kind="stable")
    x, y = np.log10(scale[order]), np.asarray(worse, float)[order]
    dof = len(x) - DEGREE - 1
    if dof < LEAST_DOF or len(np.unique(np.round(x, 3))) <= DEGREE + 1:
        return None
    z = x - x.mean()
    left = y - np.polyval(np.polyfit(z, y, DEGREE), z)
    # Rounding is no evidence: the scatter is at least that of the last digits.
    sigma = max(float(np.sqrt(left @ left / dof)), 1e-12 * float(np.abs(y).max()), 1e-300)
    found: list[tuple[float, float]] = []
    for m in range(SHORTEST, int(LONGEST * len(x)) + 1):
        tail, values = x[-m:], y[-m:]
        if len(np.unique(np.round(tail, 3))) >= SCALES:
            dx = tail - tail.mean()
            t = float(dx @ values) / (sigma * float(np.sqrt(dx @ dx)))
            found.append((float(stdtr(dof, -t)), float(10.0 ** tail[0])))
    if not found:
        return None
    p, since = min(found)
    p = min(p * len(found), 1.0)
    return Rise(since, p) if p < ALPHA else None


def best_at(scale: Array, worse: Array) -> tuple[Array, Array]:
    """The best run of each scale, to a twentieth of a decade, each of shape (m,).

    Runs of one budget differ by how it was split; the best of them is what the budget brings.
    """
    cell = np.round(np.log10(scale) * 20.0)
    order = np.lexsort((worse, cell))
    first = np.r_[True, np.diff(cell[order]) > 0]
    keep = order[first]
    return scale[keep], worse[keep]
