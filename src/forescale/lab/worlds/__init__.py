"""Worlds whose scaling law is known: a simulation, and the theory's curve to hold it against."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.worlds._contract import World

__all__ = ["World", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the worlds."""
    return catalogue.names(__name__)


def get(name: str) -> World:
    """The world called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: World = catalogue.load(__name__, name, "WORLD")
    return found
