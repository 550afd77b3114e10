"""How networks start, and how learning rates change with width: one file per init."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.inits._contract import Family, Init, Role, Roles, roles

__all__ = ["Family", "Init", "Role", "Roles", "get", "names", "roles"]


_ROOM = Room[Init](__name__, "INIT")
names, get = _ROOM.names, _ROOM.get
