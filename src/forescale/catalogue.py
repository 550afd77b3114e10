"""The folder is the list: every public file of a room holds one public constant."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache
from typing import Any

from forescale.errors import UnknownName


@cache
def names(package: str) -> tuple[str, ...]:
    """Sorted names of the public modules in `package`, found without importing them."""
    path = importlib.import_module(package).__path__
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if not m.name.startswith("_")))


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
