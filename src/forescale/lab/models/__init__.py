"""What is trained: one file per family of networks."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.models._contract import Counts, Model, counts

__all__ = ["Counts", "Model", "counts", "get", "names"]


_ROOM = Room[Model](__name__, "MODEL")
names, get = _ROOM.names, _ROOM.get
