"""Worlds whose scaling law is known: a simulation, and the theory's curve to hold it against."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.worlds._contract import World

__all__ = ["World", "get", "names"]


_ROOM = Room[World](__name__, "WORLD")
names, get = _ROOM.names, _ROOM.get
