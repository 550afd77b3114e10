"""Tables that we recorded, and how to make them again."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import forescale
from forescale import datasets
from forescale.errors import MissingExtra, NotReached
from forescale.runs import RunTable, read
from forescale.studies._contract import Progress
from forescale.studies._swept import Columns, recorded


def table(name: str, *, rerun: bool, progress: Progress) -> tuple[RunTable, str]:
    """A shipped table, or the same one trained again, and one line on what it is.

    Args:
        name: A name of `forescale.datasets.names()`.
        rerun: Train again by the table's recipe, which takes minutes.
        progress: Called before the training starts.

    Raises:
        MissingExtra: If training again needs torch, or the recipes, and they are not there.
        NotReached: If the training failed, or the table was not recorded.
    """
    about = datasets.get(name)
    if not rerun:
        if not about.path.exists():
            raise NotReached(f"table '{name}' is not recorded yet", where=about.file)
        found = read(about.path, pick="all")
        return found, f"recorded: {about.file}, {len(found)} runs, sha256 {found.hash[:12]}"
    if importlib.util.find_spec("torch") is None:
        raise MissingExtra(
            f"training '{name}' again needs torch", fix="pip install 'forescale[lab]'"
        )
    return remade(about.recipe, about.file, progress)


def remade(recipe: str, file: str, progress: Progress) -> tuple[RunTable, str]:
    """A table made again by its recipe, which takes minutes, and one line on what it is.

    Args:
        recipe: The script, in the source repository, that takes `--out FOLDER`.
        file: The table that it writes there.
        progress: Called before it starts.

    Raises:
        MissingExtra: If the recipes are not there.
        NotReached: If the recipe failed.
    """
    script = Path(forescale.__file__).parents[2] / recipe
    if not script.exists():
        raise MissingExtra(
            f"'{recipe}' is part of the source repository, not of the package",
            fix="run from a checkout of forescale",
        )
    progress(f"{recipe} makes {file} again, minutes")
    with TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, str(script), "--out", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        made = Path(folder) / file
        if done.returncode or not made.exists():
            last = done.stderr.strip().splitlines()[-1:] or ["no table was written"]
            raise NotReached(f"making '{file}' again failed: {last[0]}", where=recipe)
        found = read(made, pick="all")
    return found, f"made now by {recipe}: {len(found)} runs"


def simulated(
    name: str,
    columns: Sequence[str],
    rows: Callable[[int], Iterable[Sequence[float | str]]],
    *,
    what: str,
    rerun: bool,
    seed: int,
    progress: Progress,
) -> tuple[Columns, str]:
    """The recorded simulation of a study, or the same simulated now, and one line on what it is.

    Args:
        name: The study, whose table has its name.
        columns: Names of the columns.
        rows: The rows for a seed.
        what: What a row is, for people: "networks".
        rerun: Simulate now, which takes minutes.
        seed: Seed of the study.
        progress: Called before it starts.
    """
    if not rerun:
        return recorded(name)
    progress(f"simulating {what}, minutes")
    # Never the seeds that were recorded: running again is a second look.
    made = list(rows(1000 + seed))
    found = {c: np.array(v) for c, v in zip(columns, zip(*made, strict=True), strict=True)}
    return found, f"simulation: {len(made)} {what}"
