"""Triangles between a share of the peak and the peak.

Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks".
"""

import numpy as np

from forescale.schedules._contract import Array, Schedule


def shape(at: Array, start: float, *, cycles: float, low: float) -> Array:
    """`cycles` triangles that start and end at the low rate."""
    done = (at - start) / (1.0 - start) if start < 1 else at
    phase = np.mod(done * cycles, 1.0)
    return np.asarray(low + (1.0 - low) * (1.0 - np.abs(2.0 * phase - 1.0)))


SCHEDULE = Schedule(
    name="cyclic",
    what="`cycles` triangles between `low` times the peak and the peak.",
    source="Smith 2017, Cyclical Learning Rates for Training Neural Networks",
    shape=shape,
    settings={"cycles": 4.0, "low": 0.0},
)
