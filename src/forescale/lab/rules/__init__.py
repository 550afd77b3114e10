"""Changes to the training loop: one file per rule."""

from __future__ import annotations

from forescale import catalogue
from forescale.lab.rules._contract import Criterion, Hooks, Rule

__all__ = ["Criterion", "Hooks", "Rule", "get", "names"]


def names() -> tuple[str, ...]:
    """Names of the rules."""
    return catalogue.names(__name__)


def get(name: str) -> Rule:
    """The rule called `name`.

    Raises:
        UnknownName: If there is none; the message names near misses.
    """
    found: Rule = catalogue.load(__name__, name.replace("-", "_"), "RULE")
    return found
