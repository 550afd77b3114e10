"""Runs that a study trains in the lab: those we recorded, or the same trained again.

A study that uses them says which runs, and which columns of theirs it reads;
recipes/study_sweeps.py trains them and writes the table.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import NotReached
from forescale.studies._contract import Progress

if TYPE_CHECKING:
    from forescale.lab.config import Config

Columns = dict[str, NDArray[Any]]


def place(name: str) -> Path:
    """Where the table of a study lies."""
    return Path(str(resources.files(__package__))) / "_tables" / f"{name}.csv"


def columns(text: str) -> Columns:
    """The columns of a table: numbers where all are numbers, an empty one not a number."""
    header, *rows = csv.reader(io.StringIO(text))
    out: Columns = {}
    for name, values in zip(header, zip(*rows, strict=True), strict=True):
        try:
            out[name] = np.array([float(v or "nan") for v in values])
        except ValueError:
            out[name] = np.array(values)
    return out


def recorded(name: str) -> tuple[Columns, str]:
    """The table of a study, and one line on what it is."""
    content = place(name).read_bytes()
    found = columns(content.decode())
    count, digest = len(next(iter(found.values()))), hashlib.sha256(content).hexdigest()[:12]
    return found, f"recorded: {name}.csv, {count} runs, sha256 {digest}"


def train(configs: Sequence[Config], folder: Path, progress: Progress) -> Columns:
    """Every run, trained unless the folder has it already.

    Raises:
        MissingExtra: If torch is not installed.
        NotReached: If a run could not be finished.
    """
    from forescale.lab.sweep import sweep

    def say(at: Any) -> None:
        progress(f"{at.finished}/{at.total} runs")

    sweep(configs, folder, say=say)
    found = columns((folder / "runs.csv").read_text("utf-8"))
    if len(found["run"]) < len(configs):
        raise NotReached(f"{len(found['run'])} of {len(configs)} runs were finished")
    return found


def runs(
    name: str, configs: Sequence[Config], *, rerun: bool, progress: Progress
) -> tuple[Columns, str]:
    """The recorded runs of a study, or `configs` trained now, and one line on what they are."""
    if not rerun:
        return recorded(name)
    with TemporaryDirectory() as folder:
        found = train(configs, Path(folder), progress)
    return found, f"trained now: {len(configs)} runs"
