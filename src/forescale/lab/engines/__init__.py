"""Where sweeps run: one file per engine."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.engines._contract import TRIES, Done, Engine

__all__ = ["TRIES", "Done", "Engine", "get", "names"]


_ROOM = Room[Engine](__name__, "ENGINE")
names, get = _ROOM.names, _ROOM.get
