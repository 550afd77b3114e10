"""How the learning rate moves over a run, as arrays.

>>> from forescale import schedules
>>> schedules.get("linear").factors(5, warmup=1).round(2).tolist()
[1.0, 0.8, 0.6, 0.4, 0.2]
"""

from __future__ import annotations

from forescale import catalogue
from forescale.schedules._contract import Schedule

__all__ = ["Schedule", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the schedules."""
    return catalogue.names(__name__)


def get(name: str) -> Schedule:
    """The schedule called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Schedule = catalogue.load(__name__, name, "SCHEDULE")
    return found
