"""Where curves go besides the run table: one file per tracker."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.loggers._contract import Log, Logger

__all__ = ["Log", "Logger", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the loggers."""
    return catalogue.names(__name__)


def get(name: str) -> Logger:
    """The logger called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Logger = catalogue.load(__name__, name.replace("-", "_"), "LOGGER")
    return found
