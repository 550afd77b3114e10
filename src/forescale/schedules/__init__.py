"""How the learning rate moves over a run, as arrays.

>>> from forescale import schedules
>>> schedules.get("linear").factors(5, warmup=1).round(2).tolist()
[1.0, 0.8, 0.6, 0.4, 0.2]
"""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.schedules._contract import Schedule

__all__ = ["Schedule", "get", "names"]


_ROOM = Room[Schedule](__name__, "SCHEDULE")
names, get = _ROOM.names, _ROOM.get
