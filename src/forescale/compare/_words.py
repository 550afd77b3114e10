"""A comparison in one sentence, and why not to bet on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from forescale.quantities import format_number

if TYPE_CHECKING:
    from forescale.compare import Contrast

#: Tests below this are taken for a difference.
ALPHA = 0.05
#: A comparison may reach this many times beyond the runs of either method.
FARTHEST = 10.0
#: Distinct scales below which a method's law is hardly told.
LEAST_SCALES = 4
#: An interval of the multiplier wider than this factor decides nothing.
WIDEST = 10.0


def shape(p_same: float, p_offset: float, p_exponent: float | None) -> str:
    """What differs: "same", "offset", "exponent" or "shape" (a floor, or the two together).

    Args:
        p_same: Of the hypothesis that nothing differs.
        p_offset: That only amplitudes differ.
        p_exponent: That amplitudes and floors differ but exponents do not; None where the law
            has no exponents.
    """
    if p_same >= ALPHA:
        return "same"
    if p_offset >= ALPHA:
        return "offset"
    return "exponent" if p_exponent is not None and p_exponent < ALPHA else "shape"


def verdict(c: Contrast, scale: str, output: str, largest: float) -> str:
    """The comparison in one sentence; `largest` is the scale of the largest run."""
    m, at = c.multiplier, f"{scale} = {format_number(c.target, 3)}"
    level = f"{100 * c.level:.0f} %"
    if m.value == 0:
        gain = f"{c.baseline} is at any scale ahead of {c.method} at {at}"
    elif np.isfinite(m.value):
        gain = (
            f"{c.baseline} needs {m.text('x')} the {scale} to reach the {output} of {c.method} at "
            f"{at} ({level} interval)"
        )
    else:
        gain = (
            f"by its law {c.baseline} never reaches the {output} of {c.method} at {at} (at least "
            f"{format_number(m.lo, 3)}x the {scale}, {level} interval)"
        )
    growth = c.growth
    said = {
        "same": f"no difference between {c.method} and {c.baseline} can be told "
        f"(p = {c.p_same:.2g}); {gain}",
        "offset": f"the gap is an offset, the same at all scales as far as told; {gain}",
        "exponent": f"the exponents differ, the gap {growth} with scale; {gain}",
        "shape": f"the gap {growth} with scale, by exponents or floors that cannot be told apart; "
        f"{gain}",
    }[c.shape]
    return f"{said}; {c.crossover.text(scale, largest)}"


def reasons(
    c: Contrast,
    scale: str,
    *,
    ranges: Sequence[tuple[str, float, float]],
    scales: Sequence[tuple[str, int]],
    flags: Sequence[str],
) -> tuple[str, ...]:
    """Why not to bet on it, one line each.

    Args:
        c: The comparison.
        scale: Name of the scale.
        ranges: Each method with its smallest and largest scale.
        scales: Each method with the number of distinct scales it was run at.
        flags: Doubts that stop a forecast from either method's fit.
    """
    out = list(flags)
    for method, low, high in ranges:
        if c.target > FARTHEST * high:
            out.append(
                f"{scale} = {format_number(c.target, 3)} is {c.target / high:.3g}x beyond the "
                f"largest run of {method}, and no held-out scale vouches for it"
            )
        elif c.target < low / FARTHEST:
            out.append(f"the target lies {low / c.target:.3g}x below the smallest run of {method}")
    low = max(r[1] for r in ranges)
    high = min(r[2] for r in ranges)
    if low > high:
        out.append("the methods were run at different scales, so every comparison extrapolates")
    few = [f"{m} at {k}" for m, k in scales if k < LEAST_SCALES]
    if few:
        out.append(f"few scales ({', '.join(few)}): the law is hardly told")
    if c.shape == "same" and c.multiplier.lo <= 1.0 <= c.multiplier.hi:
        out.append("the runs do not tell the methods apart")
    elif c.multiplier.lo <= 1.0 <= c.multiplier.hi:
        out.append("the interval of the multiplier holds 1: who leads at the target is open")
    if np.isfinite(c.multiplier.hi) and c.multiplier.hi > WIDEST * max(c.multiplier.lo, 1e-300):
        out.append(
            f"the multiplier is only known within a factor of "
            f"{c.multiplier.hi / max(c.multiplier.lo, 1e-300):.2g}"
        )
    if not np.isfinite(c.multiplier.hi):
        out.append("the interval of the multiplier has no upper end")
    return tuple(out)
