"""What a sweep's worker does: train the runs it is given, and keep what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forescale.lab import loggers
from forescale.lab.config import Config, config
from forescale.lab.how import How, keep, results
from forescale.lab.parallel import ALONE, Team

if TYPE_CHECKING:
    from forescale.lab._run import Run


def train_group(values: Sequence[dict[str, Any]], *, folder: str, how: How) -> list[dict[str, Any]]:
    """Train runs that differ in the seed alone and keep their results, which are also returned.

    Args:
        values: Fields of each run.
        folder: Where checkpoints and results lie.
        how: How they are made: several runs are trained as one stack, one by as many processes
            as it may have.
    """
    group = [config(v) for v in values]
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    todo = [c for c in group if not how.done(place, c.key)]
    if how.parallel.processes > 1:
        from forescale.lab.launch import launch

        for c in todo:
            launch(c, place, how)
    elif todo:
        with ExitStack() as stack:
            device = how.device
            if how.parallel.own_gpus:
                from forescale.lab._gpus import claimed

                device = f"cuda:{stack.enter_context(claimed(1))[0]}"
            make(todo, place, how, device=device)
    return results(group, place)


def make(
    group: Sequence[Config], folder: Path, how: How, *, device: str, team: Team = ALONE
) -> None:
    """Train one run as one of a team, or several as a stack; the leader logs and keeps them.

    Args:
        group: The runs.
        folder: Where checkpoints and results lie.
        how: How they are made, but for the device.
        device: PyTorch's name of the device.
        team: The processes that train a run together.
    """
    from forescale.lab.ensemble import train_together
    from forescale.lab.trainer import train

    with ExitStack() as stack:
        opened: list[list[loggers.Log]] = []
        for c in group:
            opened.append([])
            for name, store in how.logs.items() if team.leader else ():
                opened[-1].append(loggers.get(name).open(store, c))
                stack.callback(opened[-1][-1].close)

        def say(m: int, row: dict[str, Any]) -> None:
            for log in opened[m]:
                log.point(row)

        common: dict[str, Any] = {
            "folder": folder,
            "device": device,
            "compiled": how.compiled,
            "every": how.every,
            "weights": how.weights,
        }
        runs: Sequence[Run]
        if len(group) == 1:
            runs = [train(group[0], team=team, say=lambda row: say(0, row), **common)]
        else:
            runs = train_together(group, say=say, **common)
        for run, logs in zip(runs, opened, strict=True):
            for log in logs:
                log.finish(run.row, run.curve)
    if team.leader:
        for c, run in zip(group, runs, strict=True):
            keep(folder, c.key, {"schema": 1, "row": run.row, "curve": run.curve})
