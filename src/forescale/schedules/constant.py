"""The peak rate to the end.

Source: Robbins & Monro 1951, "A Stochastic Approximation Method", where it is what not to do.
"""

import numpy as np

from forescale.schedules._contract import Array, Schedule


def shape(at: Array, start: float) -> Array:
    """One everywhere."""
    return np.ones_like(at)


SCHEDULE = Schedule(
    name="constant",
    what="The peak rate to the end.",
    source="Robbins & Monro 1951, A Stochastic Approximation Method",
    shape=shape,
    finishes=False,
)
