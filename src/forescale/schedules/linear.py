"""Linear decay from the peak to a share of it.

Source: Bergsma et al. 2025, "Straight to Zero: Why Linearly Decaying the Learning Rate to Zero
Works Best for LLMs".
"""

from forescale.schedules._contract import Array, Schedule


def shape(at: Array, start: float, *, end: float) -> Array:
    """A straight line over what the warm-up leaves."""
    done = (at - start) / (1.0 - start) if start < 1 else at
    return 1.0 + (end - 1.0) * done


SCHEDULE = Schedule(
    name="linear",
    what="A straight line from the peak down to `end` times the peak.",
    source="Bergsma et al. 2025, Straight to Zero: Why Linearly Decaying the Learning Rate to "
    "Zero Works Best for LLMs",
    shape=shape,
    settings={"end": 0.0},
)
