"""The folder is the list: every public file of a room holds one public constant."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from forescale.errors import UnknownName

T = TypeVar("T")


@dataclass(frozen=True)
class Room(Generic[T]):
    """A folder that is a list, with the type of what its files hold.

    A room's `__init__.py` says `_ROOM = Room[Law](__name__, "LAW")` and
    `names, get = _ROOM.names, _ROOM.get`.

    Args:
        package: The folder's dotted name.
        constant: The public name in each of its files.
    """

    package: str
    constant: str

    def names(self) -> tuple[str, ...]:
        """Sorted names of what the room holds, found without importing it."""
        return names(self.package)

    def get(self, name: str) -> T:
        """The one called `name`; - and _ are the same.

        Raises:
            UnknownName: If there is none; the message names near misses.
        """
        found: T = load(self.package, name.replace("-", "_"), self.constant)
        return found


@cache
def names(package: str) -> tuple[str, ...]:
    """Sorted names of the public modules in `package`, found without importing them.

    A folder in the room is a part of it, not one of the things it lists.
    """
    path = importlib.import_module(package).__path__
    return tuple(
        sorted(
            m.name for m in pkgutil.iter_modules(path) if not m.ispkg and not m.name.startswith("_")
        )
    )


def load(package: str, name: str, constant: str) -> Any:
    """The public `constant` of module `package.name`.

    Raises:
        UnknownName: If the folder has no such file; the message names near misses.
    """
    if name not in names(package):
        raise unknown(name, names(package), kind=constant.lower())
    return getattr(importlib.import_module(f"{package}.{name}"), constant)


def unknown(name: str, known: Iterable[str], *, kind: str) -> UnknownName:
    """The error for a name that is not in a list, with what the user may have meant."""
    listed = sorted(known)
    near = difflib.get_close_matches(name, listed, n=3, cutoff=0.5)
    hint = (
        "did you mean " + " or ".join(f"'{n}'" for n in near) + "?"
        if near
        else ("known: " + ", ".join(listed))
    )
    return UnknownName(f"there is no {kind} '{name}'", fix=hint)
