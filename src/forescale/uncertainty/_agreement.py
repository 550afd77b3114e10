"""Do two intervals of a parameter tell the same? Where they do not, the data tell it badly.

Profile and posterior see the same likelihood, a bootstrap the same runs: where these are rich
all agree. A parameter that is told by its prior, by a bound or by one run splits them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forescale.fit import Fit, Flag
from forescale.uncertainty._profile import name_is_log

#: Distance between two ends, in units of the intervals' mean width, from which on they disagree.
APART = 0.25

Interval = tuple[float, float]


def apart(one: Interval, other: Interval, *, log: bool = False) -> float:
    """How far apart two intervals' ends are at most, in units of their mean width.

    Args:
        one: Low and high end.
        other: Likewise.
        log: Whether the parameter moves by factors, so that its ends are compared as logs.

    Returns:
        0 for equal ones; infinite where just one has an end that is infinite (or, of logs, zero).
    """
    a, b = np.array(one, float), np.array(other, float)
    if log:
        with np.errstate(all="ignore"):
            a, b = np.log(a), np.log(b)
    open_a, open_b = ~np.isfinite(a), ~np.isfinite(b)
    if (open_a != open_b).any():
        return float("inf")
    both = ~open_a
    if not both.any():
        return 0.0
    width = 0.5 * float((a[both].max() - a[both].min()) + (b[both].max() - b[both].min()))
    distance = float(np.abs(a[both] - b[both]).max())
    return distance / width if width > 0 else 0.0 if distance == 0 else float("inf")


def agreement(
    fit: Fit, profiled: Mapping[str, Interval], drawn: Mapping[str, Interval], method: str
) -> tuple[Flag, ...]:
    """A flag for each parameter whose intervals disagree, or a note that all agree.

    Args:
        fit: The fit.
        profiled: Profile intervals.
        drawn: Intervals of draws, at the same level.
        method: How those were drawn.
    """
    flags, most = [], 0.0
    for j, name in enumerate(fit.names):
        one, other = profiled[name], drawn[name]
        found = apart(one, other, log=name_is_log(fit.problem, j))
        if found > APART:
            flags.append(
                Flag(
                    "intervals disagree",
                    "warn",
                    f"interval of {name} disagrees: profile {_shown(one)} against {method} "
                    f"{_shown(other)}; the data do not tell it well",
                )
            )
        else:
            most = max(most, found)
    if flags:
        return tuple(flags)
    share = f"{100 * most:.0f} %"
    return (
        Flag(
            "intervals agree",
            "note",
            f"profile and {method} intervals agree: ends within {share} of their width",
        ),
    )


def _shown(ends: Interval) -> str:
    return "[" + ", ".join(f"{e:.3g}" for e in ends) + "]"
