"""The catalogue of scaling laws: one file, one law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forescale import catalogue
from forescale.laws._contract import Law, Param
from forescale.laws._inline import CUSTOM, describe, inline

__all__ = ["CUSTOM", "Law", "Param", "describe", "get", "inline", "names", "resolve"]


def names() -> tuple[str, ...]:
    """Names of all laws in the catalogue."""
    return catalogue.names(__name__)


def get(name: str) -> Law:
    """The catalogue's law called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    law: Law = catalogue.load(__name__, name, "LAW")
    return law


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
