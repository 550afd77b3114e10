"""By which rule weights move: one file per optimizer."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.optimizers._contract import Group, Optimizer, Steppers, torch_groups

__all__ = ["Group", "Optimizer", "Steppers", "get", "names", "torch_groups"]


def names() -> tuple[str, ...]:
    """Names of the optimizers."""
    return catalogue.names(__name__)


def get(name: str) -> Optimizer:
    """The optimizer called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Optimizer = catalogue.load(__name__, name.replace("-", "_"), "OPTIMIZER")
    return found
