"""What a logger is: something that shows curves as they are made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from forescale.lab.config import Config

#: What a final row says of the result; the rest of it is configuration.
RESULTS = ("loss", "accuracy", "params", "params_nonembed", "flops", "floor", "seconds")


class Log(Protocol):
    """One run's place in a store; a run that goes on after a kill finds it again."""

    def point(self, row: Mapping[str, Any]) -> None:
        """A row of the curve. One that is there from before the kill is not there twice."""
        ...

    def finish(self, row: Mapping[str, Any], curve: Sequence[Mapping[str, Any]]) -> None:
        """The final row, and the whole curve with those rows that an earlier process logged."""
        ...

    def close(self) -> None:
        """Let go of the store, whether or not the run came to its end."""
        ...


@dataclass(frozen=True)
class Logger:
    """A tracker of experiments.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        prepare: Makes the store of a sweep from its absolute folder, before any run; returns
            its address. Raises `MissingExtra` where the library is not installed.
        open: A run's place, from the store's address and the run's configuration.
        extra: The optional dependency it needs, as in `pip install forescale[mlflow]`.
    """

    name: str
    what: str
    prepare: Callable[[Path], str]
    open: Callable[[str, Config], Log]
    extra: str


def flat(config: Config) -> dict[str, str | int | float | bool]:
    """The configuration as one level of plain values; what is nested is JSON, what is None absent.

    >>> flat(Config(task="teacher"))["rules"]
    '{"clip": {}}'
    """
    values = config.to_dict().items()
    return {k: json.dumps(v) if isinstance(v, dict) else v for k, v in values if v is not None}


def measured(row: Mapping[str, Any], names: Sequence[str] | None = None) -> dict[str, float]:
    """The numbers of a row, all but its step, or those of some names, that it has."""
    wanted = [n for n in row if n != "step"] if names is None else names
    return {n: float(row[n]) for n in wanted if row.get(n) is not None}
