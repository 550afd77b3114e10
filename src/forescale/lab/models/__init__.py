"""What is trained: one file per family of networks."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.models._contract import Counts, Model, counts

__all__ = ["Counts", "Model", "counts", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the models."""
    return catalogue.names(__name__)


def get(name: str) -> Model:
    """The model called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Model = catalogue.load(__name__, name.replace("-", "_"), "MODEL")
    return found
