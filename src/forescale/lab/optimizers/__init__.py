"""By which rule weights move: one file per optimizer."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.optimizers._contract import Group, Optimizer, Steppers, torch_groups

__all__ = ["Group", "Optimizer", "Steppers", "get", "names", "torch_groups"]


_ROOM = Room[Optimizer](__name__, "OPTIMIZER")
names, get = _ROOM.names, _ROOM.get
