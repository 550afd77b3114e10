"""The choices an analyst makes, one kind a file; the folder is the list."""

from forescale.catalogue import Room
from forescale.multiverse._analysis import Choice

_ROOM = Room[Choice](__name__, "CHOICE")
names, get = _ROOM.names, _ROOM.get

__all__ = ["Choice", "get", "names"]
