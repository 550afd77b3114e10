"""What is learnt: one file per task."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.tasks._contract import Batch, Data, Task, fixed_set, in_turn

__all__ = ["Batch", "Data", "Task", "fixed_set", "get", "in_turn", "names"]


def names() -> tuple[str, ...]:
    """Names of the tasks."""
    return catalogue.names(__name__)


def get(name: str) -> Task:
    """The task called `name`; - and _ are the same.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Task = catalogue.load(__name__, name.replace("-", "_"), "TASK")
    return found
