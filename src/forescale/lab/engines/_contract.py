"""What an engine is: a map of a function over items, by whatever runs processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Done:
    """How one item ended.

    Args:
        index: Which item.
        value: What the function returned.
        error: Why there is no value: the exception's text, or that its worker died.
    """

    index: int
    value: Any = None
    error: str = ""


class Map(Protocol):
    """Items as they finish, in any order; every item ends exactly once."""

    def __call__(
        self, function: Callable[[Any], Any], items: Sequence[Any], workers: int, **options: Any
    ) -> Iterator[Done]: ...


@dataclass(frozen=True)
class Engine:
    """Something that runs functions elsewhere.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        map: The map. An item whose worker dies is run again, `TRIES` times in all.
        extra: The optional dependency it needs, as in `pip install forescale[ray]`.
    """

    name: str
    what: str
    map: Map
    extra: str = ""


#: How often an item is started before a death of its worker counts as its own fault.
TRIES = 3
