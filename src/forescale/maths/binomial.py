"""How sure a counted share is."""

from __future__ import annotations


def share_interval(hits: float, trials: float, *, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share, never narrower than its level.

    Args:
        hits: Hits; need not be whole where trials are an effective number.
        trials: Independent trials, above 0.
        level: Level of the interval.

    Source: Clopper & Pearson 1934; with effective numbers Korn & Graubard 1998, "Confidence
    Intervals for Proportions with Small Expected Number of Positive Counts".
    """
    # Not scipy.stats, whose import takes a second.
    from scipy.special import betaincinv

    tail = 0.5 * (1 - level)
    lo = float(betaincinv(hits, trials - hits + 1, tail)) if hits > 0 else 0.0
    hi = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return lo, hi
