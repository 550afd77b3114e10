"""How networks start, and how learning rates change with width: one file per init."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.inits._contract import Family, Init, Role, Roles, roles

__all__ = ["Family", "Init", "Role", "Roles", "get", "names", "roles"]


def names() -> tuple[str, ...]:
    """Names of the inits."""
    return catalogue.names(__name__)


def get(name: str) -> Init:
    """The init called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Init = catalogue.load(__name__, name.replace("-", "_"), "INIT")
    return found
