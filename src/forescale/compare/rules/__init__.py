"""Rules of social choice: metrics are voters, systems are candidates.

>>> from forescale.compare import rules
>>> import numpy as np
>>> scores = np.array([[0.9, 0.4, 0.8], [0.7, 0.6, 0.5], [0.1, 0.5, 0.6]])
>>> rules.get("copeland").points(scores, np.ones((1, 3))).tolist()
[[2.0, 0.0, -2.0]]
"""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.compare.rules._contract import Rule, majority

__all__ = ["Rule", "get", "majority", "names"]


_ROOM = Room[Rule](__name__, "RULE")
names, get = _ROOM.names, _ROOM.get
