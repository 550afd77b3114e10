"""What is learnt: one file per task."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.tasks._contract import Batch, Data, Task, fixed_set, in_turn

__all__ = ["Batch", "Data", "Task", "fixed_set", "get", "in_turn", "names"]


_ROOM = Room[Task](__name__, "TASK")
names, get = _ROOM.names, _ROOM.get
