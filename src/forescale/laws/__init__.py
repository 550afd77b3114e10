"""The catalogue of scaling laws: one file, one law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forescale.catalogue import Room
from forescale.laws._contract import Law, Param
from forescale.laws._inline import CUSTOM, describe, inline

__all__ = ["CUSTOM", "Law", "Param", "describe", "get", "inline", "names", "resolve"]


_ROOM = Room[Law](__name__, "LAW")
names, get = _ROOM.names, _ROOM.get


def resolve(
    law: Law | str,
    *,
    columns: Sequence[str],
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Law:
    """The law a user means: a law, a name of the catalogue, or a formula over `columns`."""
    if isinstance(law, Law):
        return law
    if any(c in law for c in "^*/+=("):
        return inline(law, inputs=columns, bounds=bounds)
    return get(law)
