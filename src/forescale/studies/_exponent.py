"""The exponent of a power law in measured points, with its interval."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.fit import fit
from forescale.runs import RunTable
from forescale.studies import Number
from forescale.studies._interval import LEVEL, About
from forescale.uncertainty import assess

Array = NDArray[np.float64]


def exponent(x: ArrayLike, y: ArrayLike, *, seed: int, **about: Unpack[About]) -> Number:
    """The exponent e of y = A/x^e by least squares in logs, with its 95 % interval.

    Args:
        x: Sizes, shape (n,).
        y: Losses, shape (n,).
        seed: Seed of the resampling.
        about: Fields of the `Number`.
    """
    table = RunTable({"x": np.asarray(x, float), "y": np.asarray(y, float)})
    found = fit(table, "y = A*x^-e", objective="lsq-log", starts=8, seed=seed)
    low, high = assess(found, "residual", resamples=400, level=LEVEL, seed=seed).intervals["e"]
    return Number(found.params["e"], float(low), float(high), **about)


def slope(x: ArrayLike, y: ArrayLike) -> Array:
    """Slopes of log y in log x, of the rows of y, shape (rows,)."""
    return np.asarray(np.polyfit(np.log(np.asarray(x, float)), np.log(np.asarray(y)).T, 1)[0])


def lowest(x: Array, y: Array) -> tuple[float, float]:
    """Where a parabola in logs through the seven points about the least of y has its minimum.

    Args:
        x: Sizes, shape (n,).
        y: Losses, shape (n,); NaN where there is none.

    Returns:
        The size at the minimum and the loss there; NaN where there are fewer than seven points.
    """
    has = np.isfinite(y)
    u, v = np.log(x[has]), np.log(y[has])
    if len(v) < 7:
        return float("nan"), float("nan")
    at = int(np.clip(v.argmin(), 3, len(v) - 4))
    curve, tilt, level = np.polyfit(u[at - 3 : at + 4] - u[at], v[at - 3 : at + 4], 2)
    shift = -tilt / (2 * curve) if curve > 0 else 0.0
    # Noise may flatten the parabola; the minimum is not looked for outside its points.
    shift = float(np.clip(shift, u[at - 3] - u[at], u[at + 3] - u[at]))
    return float(np.exp(u[at] + shift)), float(np.exp(level + tilt * shift + curve * shift**2))
