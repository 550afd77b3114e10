"""Where sweeps run: one file per engine."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.engines._contract import TRIES, Done, Engine

__all__ = ["TRIES", "Done", "Engine", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the engines."""
    return catalogue.names(__name__)


def get(name: str) -> Engine:
    """The engine called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Engine = catalogue.load(__name__, name.replace("-", "_"), "ENGINE")
    return found
