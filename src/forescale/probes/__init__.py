"""Numbers read from a live PyTorch model and a batch. One probe a file; the folder is the list.

A probe is a pure function that may assume it is alone with the model: `read` sets the model up
for it and puts back all it could have touched.
"""

from __future__ import annotations

from forescale.catalogue import Room
from forescale.probes._contract import Batch, Cost, Measure, Probe, Sight
from forescale.probes._read import Reading, prepared, read

__all__ = [
    "Batch",
    "Cost",
    "Measure",
    "Probe",
    "Reading",
    "Sight",
    "get",
    "names",
    "prepared",
    "read",
]

_ROOM = Room[Probe](__name__, "PROBE")
names, get = _ROOM.names, _ROOM.get
