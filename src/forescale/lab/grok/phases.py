"""Many runs of the one-layer transformer, each kept: when each memorised, when it generalised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

from forescale.errors import BadOption, NotReached
from forescale.lab import engines
from forescale.lab.grok.reference import Setup
from forescale.lab.grok.run import grok

#: Settings that can be varied: the numbers of a run.
NUMBERS = tuple(f.name for f in fields(Setup) if isinstance(f.default, float))


def check(names: Sequence[str]) -> None:
    """Refuse settings that are no numbers of a run.

    Raises:
        BadOption: If there is one.
    """
    for name in names:
        if name not in NUMBERS:
            raise BadOption(
                f"'{name}' cannot be varied", where="axes", fix=f"one of {', '.join(NUMBERS)}"
            )


def ends(
    settings: Sequence[Mapping[str, float]],
    base: Setup,
    folder: Path,
    *,
    steps: int = 3000,
    workers: int = 1,
    device: str = "cpu",
) -> list[tuple[int | None, int | None]]:
    """Steps at which each run memorised and generalised; None where it did not.

    Runs that the folder holds are not made again.

    Args:
        settings: What each run has otherwise than the base, of `NUMBERS`.
        base: The other settings.
        folder: Where the runs are kept.
        steps: Steps of each at most.
        workers: Runs at a time.
        device: Where to compute.

    Raises:
        BadOption: If a setting is no number of a run.
        NotReached: If a run could not be finished.
    """
    for one in settings:
        check(list(one))
    task = partial(_end, folder=str(folder), steps=steps, device=device)
    # Rounded, so that the same place is the same run on any machine.
    rounded = [{n: float(f"{v:.6g}") for n, v in one.items()} for one in settings]
    items = [{**asdict(base), **one} for one in rounded]
    found: dict[int, tuple[int | None, int | None]] = {}
    for done in engines.get("local").map(task, items, workers):
        if done.error:
            raise NotReached(f"a run could not be finished: {done.error}", where=str(folder))
        found[done.index] = done.value
    return [found[i] for i in range(len(items))]


def _end(
    item: dict[str, Any], *, folder: str, steps: int, device: str
) -> tuple[int | None, int | None]:
    setup = Setup(**{**item, "betas": tuple(item["betas"])})
    name = hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:16]
    found = grok(setup, steps=steps, folder=Path(folder) / name, device=device)
    return found.t_memorised, found.t_generalised
