"""Run tables we made and ship, each with the recipe that made it.

>>> from forescale import datasets
>>> datasets.get("stdlib_bytes").recipe
'recipes/stdlib_bytes.py'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from forescale.catalogue import Room

if TYPE_CHECKING:
    from forescale.runs import RunTable


@dataclass(frozen=True)
class Dataset:
    """One shipped table.

    Args:
        name: The file that describes it, without `.py`.
        file: The table beside that file, `.csv` or `.csv.gz`.
        what: One sentence: what was trained on what, and what was measured.
        columns: For each column its unit and its meaning; text without a unit has "".
        recipe: The script, in the source repository, that makes the table.
        notes: What a user should know before trusting a fit: design, rules, warts.
        license: SPDX name of the table's license.
    """

    name: str
    file: str
    what: str
    columns: dict[str, tuple[str, str]] = field(repr=False)
    recipe: str
    notes: str = field(default="", repr=False)
    license: str = "Apache-2.0"

    @property
    def path(self) -> Path:
        """Where the table lies."""
        return Path(str(resources.files(__package__))) / self.file

    def load(self) -> RunTable:
        """The table, read and checked as any user's file is."""
        from forescale.runs import read

        return read(self.path)


_ROOM = Room[Dataset](__name__, "DATASET")
names, get = _ROOM.names, _ROOM.get


def path(name: str) -> Path:
    """Where the table called `name` lies."""
    return get(name).path
