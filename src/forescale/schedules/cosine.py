"""Cosine decay from the peak to a share of it.

Source: Loshchilov & Hutter 2017, "SGDR: Stochastic Gradient Descent with Warm Restarts".
"""

import numpy as np

from forescale.schedules._contract import Array, Schedule


def shape(at: Array, start: float, *, end: float) -> Array:
    """Half a cosine over what the warm-up leaves."""
    done = (at - start) / (1.0 - start) if start < 1 else at
    return np.asarray(end + (1.0 - end) * 0.5 * (1.0 + np.cos(np.pi * done)))


SCHEDULE = Schedule(
    name="cosine",
    what="Half a cosine from the peak down to `end` times the peak.",
    source="Loshchilov & Hutter 2017, SGDR: Stochastic Gradient Descent with Warm Restarts",
    shape=shape,
    settings={"end": 0.0},
)
