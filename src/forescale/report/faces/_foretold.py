"""A foretold step in the cells of a table, and words as sentences."""

from __future__ import annotations

import math

from forescale.emergence.events.grokking import GrokForecast
from forescale.quantities import format_number


def median(f: GrokForecast) -> str:
    """The median step."""
    # Where known runs like it mostly never did, there is no step to tell.
    return format_number(f.median, 2) if math.isfinite(f.median) else "not told"


def within(f: GrokForecast) -> str:
    """The interval."""
    if math.isinf(f.lo):
        return "not told"
    lo, hi = (format_number(v, 2) for v in (f.lo, f.hi))
    return f"{lo} to {hi}" if math.isfinite(f.hi) else f"{lo} or later"


def sentence(words: str) -> str:
    """The words with a capital first and a full stop."""
    # Not capitalize(), which would lower what stands in capitals.
    return f"{words[:1].upper()}{words[1:]}."
