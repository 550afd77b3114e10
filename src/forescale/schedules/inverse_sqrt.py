"""The rate falls as one over the square root of the step.

Source: Vaswani et al. 2017, "Attention Is All You Need".
"""

import numpy as np

from forescale.schedules._contract import Array, Schedule


def shape(at: Array, start: float, *, shift: float) -> Array:
    """sqrt(t0 / t), with t0 the end of the warm-up or `shift` of the run, whichever is later."""
    first = max(start, shift)
    return np.asarray(np.sqrt(first / np.maximum(at, first)))


SCHEDULE = Schedule(
    name="inverse_sqrt",
    what="The peak until the warm-up ends (or `shift` of the run), then a fall as 1/sqrt(step).",
    source="Vaswani et al. 2017, Attention Is All You Need",
    shape=shape,
    settings={"shift": 0.01},
    finishes=False,
)
