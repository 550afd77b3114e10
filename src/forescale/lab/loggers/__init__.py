"""Where curves go besides the run table: one file per tracker."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.loggers._contract import Log, Logger

__all__ = ["Log", "Logger", "get", "names"]


_ROOM = Room[Logger](__name__, "LOGGER")
names, get = _ROOM.names, _ROOM.get
