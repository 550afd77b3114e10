"""Many runs, each kept in a file of its own: kill it at any time, and go on where it stopped."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from forescale.errors import BadOption, BadTable
from forescale.lab import engines, loggers
from forescale.lab.config import Config, config
from forescale.lab.parallel import ALONE, SINGLE, Parallel, Team
from forescale.runs import RunTable, read


@dataclass(frozen=True)
class Progress:
    """Where a sweep stands.

    Args:
        total: Runs of the sweep.
        finished: Runs with a result, those of earlier attempts among them.
        failed: Runs that cannot be finished, with the reason of each.
        seconds_left: Estimate from the compute of the runs that are left; NaN before the first.
        last: Row of the run that finished last.
    """

    total: int
    finished: int
    failed: tuple[tuple[str, str], ...]
    seconds_left: float
    last: Mapping[str, Any] | None = None


def grid(text: str, *, where: str) -> list[Config]:
    r"""Configurations from TOML: fields with their values, lists in [grid] multiplied out.

    >>> [c.size for c in grid('task = "teacher"\n[grid]\nsize = [1, 2]', where="x.toml")]
    [1, 2]

    Raises:
        BadOption: If the text is no TOML, or a field is unknown or of the wrong kind.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadOption(f"this is no TOML: {error}", where=where) from None
    axes = given.pop("grid", {})
    if not isinstance(axes, dict):
        raise BadOption("[grid] is a table of lists", where=where)
    lists = {k: v if isinstance(v, list) else [v] for k, v in axes.items()}
    out = []
    for values in itertools.product(*lists.values()):
        plain = json.loads(json.dumps(given))
        for path, value in zip(lists, values, strict=True):
            _put(plain, path.split("."), value)
        out.append(config(plain, where=where))
    return out


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        into = into.setdefault(part, {})
    into[path[-1]] = value


def sweep(
    configs: Sequence[Config],
    folder: Path,
    *,
    engine: str = "local",
    workers: int = 1,
    device: str = "cpu",
    compiled: bool = False,
    parallel: Parallel = SINGLE,
    log: Sequence[str] = (),
    every: float = 60.0,
    name: str = "runs",
    say: Callable[[Progress], None] | None = None,
    **options: Any,
) -> RunTable:
    """Train every configuration that has no result in the folder; the table of all.

    Args:
        configs: The runs.
        folder: Where results and checkpoints lie; made if it is not there.
        engine: Name of an engine.
        workers: Runs at a time.
        device: PyTorch's name of the device.
        compiled: Compile the models.
        parallel: How each run is spread over processes; its numbers and its key do not tell.
        log: Names of loggers that get the curves as they are made, besides the tables.
        every: Seconds between checkpoints.
        name: Name of the tables written to the folder.
        say: Called when the sweep begins and after each run.
        options: What the engine takes besides.

    Raises:
        BadOption: If another sweep works in the folder, or a name is unknown.
        MissingExtra: If a logger's library is not installed.
        BadTable: If no run could be finished.
    """
    # The longest first: no worker should end alone with a long run.
    unique = {c.key: c for c in configs}
    found = engines.get(engine)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        # What one worker has to do, in the units in which it is measured afterwards.
        work = {k: _work(c) for k, c in unique.items()}
        todo = [c for k, c in unique.items() if not _file(folder, k).exists()]
        todo.sort(key=lambda c: -work[c.key])
        failed: list[tuple[str, str]] = []
        left = sum(work[c.key] for c in todo)
        pace = np.zeros(2)
        report = partial(_report, say, len(unique))
        report(len(unique) - len(todo), failed, math.nan, None)
        # Stores are made here, once: workers that make one at the same time spoil it.
        logs = {n: loggers.get(n).prepare(folder.absolute()) for n in log}
        task = partial(
            _one,
            folder=str(folder),
            device=device,
            compiled=compiled,
            parallel=parallel,
            every=every,
            logs=logs,
        )
        options = {**parallel.resources(device), **options}
        items = [c.to_dict() for c in todo]
        count = len(unique) - len(todo)
        for done in found.map(task, items, workers, **options):
            key = todo[done.index].key
            left -= work[key]
            row = None
            if done.error:
                failed.append((key, done.error))
            else:
                # Where the machines share no file system, the result lies only there so far.
                if not _file(folder, key).exists():
                    _keep(folder, key, done.value)
                row = done.value["row"]
                count += 1
                pace += (row["seconds"], work[key])
            seconds = left * pace[0] / pace[1] / workers if pace[1] else math.nan
            report(count, failed, seconds, row)
    if failed and count == 0:
        raise BadTable(f"no run could be finished: {failed[0][1]}", where=str(folder))
    return tables(list(unique.values()), folder, name=name)


def _report(
    say: Callable[[Progress], None] | None,
    total: int,
    finished: int,
    failed: Sequence[tuple[str, str]],
    left: float,
    last: Mapping[str, Any] | None,
) -> None:
    if say is not None:
        say(Progress(total, finished, tuple(failed), left, last))


def _work(c: Config) -> float:
    """Cost of a run up to a factor: steps, batch, and parameters as the dial sets them."""
    from forescale.lab import models

    shape = models.get(c.model).dimensions(c.size, c.model_settings)
    wide, deep = float(shape.get("width", 1)), float(shape.get("depth", 1))
    # Small matrices cost their overhead, not their products.
    return c.steps * c.batch * (deep * wide * (wide + 64.0) + 64.0 * wide)


def _one(
    values: dict[str, Any],
    *,
    folder: str,
    device: str,
    compiled: bool,
    parallel: Parallel,
    every: float,
    logs: Mapping[str, str],
) -> dict[str, Any]:
    """Train one run, in this process or several, and keep its result, which is also returned."""
    c = config(values)
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    path = _file(place, c.key)
    found: dict[str, Any]
    if path.exists():
        found = json.loads(path.read_text("utf-8"))
        return found
    if parallel.processes > 1:
        from forescale.lab.launch import launch

        launch(
            c,
            place,
            parallel=parallel,
            device=device,
            compiled=compiled,
            every=every,
            logs=logs,
        )
        found = json.loads(path.read_text("utf-8"))
        return found
    with ExitStack() as stack:
        if parallel.own_gpus:
            from forescale.lab._gpus import claimed

            device = f"cuda:{stack.enter_context(claimed(1))[0]}"
        return make(c, place, device=device, compiled=compiled, every=every, logs=logs)


def make(
    c: Config,
    folder: Path,
    *,
    device: str,
    compiled: bool,
    every: float,
    team: Team = ALONE,
    logs: Mapping[str, str],
) -> dict[str, Any]:
    """Train one run as one of a team; its leader logs it and keeps the result.

    Args:
        c: The run.
        folder: Where its checkpoint and result lie.
        device: PyTorch's name of the device.
        compiled: Compile the model.
        every: Seconds between checkpoints.
        team: The processes that train it together.
        logs: Loggers and their stores.

    Returns:
        What is kept: the row and the curve.
    """
    from forescale.lab.trainer import train

    with ExitStack() as stack:
        opened = []
        for name, store in logs.items() if team.leader else ():
            opened.append(loggers.get(name).open(store, c))
            stack.callback(opened[-1].close)

        def say(row: dict[str, Any]) -> None:
            for one in opened:
                one.point(row)

        run = train(
            c, folder=folder, device=device, compiled=compiled, every=every, team=team, say=say
        )
        for one in opened:
            one.finish(run.row, run.curve)
    result = {"schema": 1, "row": run.row, "curve": run.curve}
    if team.leader:
        _keep(folder, c.key, result)
    return result


def _keep(folder: Path, key: str, result: Mapping[str, Any]) -> None:
    path = _file(folder, key)
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(result), "utf-8")
    # Whoever comes second replaces a file with the same content.
    os.replace(part, path)


def _file(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The folder held against other sweeps, by a lock that dies with its process."""
    try:
        import fcntl
    except ImportError:  # Windows has no flock; its users must take care themselves.
        yield
        return
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadOption(
                "another sweep is at work in this folder", where=str(folder), fix="wait for it"
            ) from None
        yield


def results(configs: Sequence[Config], folder: Path) -> list[dict[str, Any]]:
    """What is kept of the runs that have finished, in the order of the configurations."""
    files = [_file(folder, c.key) for c in configs]
    return [json.loads(f.read_text("utf-8")) for f in files if f.exists()]


def tables(configs: Sequence[Config], folder: Path, *, name: str = "runs") -> RunTable:
    """The finished runs as NAME.csv and their curves as NAME_curves.csv; the first of them, read.

    Raises:
        BadTable: If no run has finished.
    """
    kept = results(configs, folder)
    rows = [_flat(r["row"]) for r in kept]
    if not rows:
        raise BadTable("no run has finished", where=str(folder))
    points = []
    for row, one in zip(rows, kept, strict=True):
        who = {k: row[k] for k in ("run", "params", "params_nonembed", "seed", "lr_peak")}
        points += [{**who, **point} for point in one["curve"]]
    _write(folder / f"{name}_curves.csv", points)
    return read(_write(folder / f"{name}.csv", rows))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without nested settings: each gets a column of its own."""
    out: dict[str, Any] = {}
    for name, value in row.items():
        if name == "lr":
            out["lr_peak"] = value
        elif name == "rules":
            out["rules"] = " ".join(value)
            for rule, settings in value.items():
                out |= {f"{rule}.{k}": v for k, v in settings.items()}
        elif isinstance(value, dict):
            out |= {f"{name.removesuffix('_settings')}.{k}": v for k, v in value.items()}
        else:
            out[name] = value
    return out


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    names = list(dict.fromkeys(n for row in rows for n in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    part = path.with_suffix(".part")
    part.write_text(text.getvalue(), "utf-8")
    os.replace(part, path)
    return path
