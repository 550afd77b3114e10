"""Changes to the training loop: one file per rule."""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.lab.rules._contract import Criterion, Hooks, Rule

__all__ = ["Criterion", "Hooks", "Rule", "get", "names"]


_ROOM = Room[Rule](__name__, "RULE")
names, get = _ROOM.names, _ROOM.get
