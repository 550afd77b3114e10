"""Warm-up, stable, decay: constant, then a fall over the last part of the run.

Source: Hu et al. 2024, "MiniCPM: Unveiling the Potential of Small Language Models with Scalable
Training Strategies"; the 1 - sqrt fall is Haegele et al. 2024, "Scaling Laws and
Compute-Optimal Training Beyond Fixed Training Durations".
"""

import numpy as np

from forescale.schedules._contract import Array, Schedule


def shape(at: Array, start: float, *, decay: float) -> Array:
    """Constant until the last `decay` of the run, then 1 - sqrt of the share of it done."""
    done = np.clip((at - (1.0 - decay)) / decay, 0.0, 1.0) if decay > 0 else np.zeros_like(at)
    return np.asarray(1.0 - np.sqrt(done))


SCHEDULE = Schedule(
    name="wsd",
    what="The peak rate, then a 1 - sqrt fall to zero over the last `decay` of the run.",
    source="Haegele et al. 2024, Scaling Laws and Compute-Optimal Training Beyond Fixed Training "
    "Durations",
    shape=shape,
    settings={"decay": 0.2},
)
