"""Many runs, each kept in a file of its own: kill it at any time, and go on where it stopped."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from forescale import files
from forescale.errors import BadOption, BadTable
from forescale.lab import engines, loggers
from forescale.lab.config import Config, config
from forescale.lab.how import How, keep, result_of, results
from forescale.lab.parallel import SINGLE, Parallel
from forescale.lab.worker import train_group
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
    together: int = 1,
    parallel: Parallel = SINGLE,
    log: Sequence[str] = (),
    every: float = 60.0,
    weights: bool = False,
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
        together: Runs that differ in the seed alone and are trained as one stack, at most: for
            GPUs, which small models leave idle; slower on a CPU. A kill then loses a minute of
            the stack, if the sweep goes on with the same number here; with another, all of the
            stacks that were under way.
        parallel: How each run is spread over processes; its numbers and its key do not tell.
        log: Names of loggers that get the curves as they are made, besides the tables.
        every: Seconds between checkpoints.
        weights: Keep each run's weights at its end, as KEY.safetensors.
        name: Name of the tables written to the folder.
        say: Called when the sweep begins and after each run.
        options: What the engine takes besides.

    Raises:
        BadOption: If another sweep works in the folder, a name is unknown, `together` is not
            positive, or runs are to be stacked and spread at once.
        MissingExtra: If a logger's library is not installed.
        BadTable: If no run could be finished.
    """
    if together < 1:
        raise BadOption(f"together is {together}", fix="give 1 or more")
    if together > 1 and parallel.processes > 1:
        raise BadOption("runs are either stacked or spread over processes", fix="ask for one")
    unique = {c.key: c for c in configs}
    found = engines.get(engine)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        # Stores are made here, once: workers that make one at the same time spoil it.
        logs = {n: loggers.get(n).prepare(folder.absolute()) for n in log}
        how = How(device, compiled, parallel, every, logs, weights)
        # What one worker has to do, in the units in which it is measured afterwards.
        work = {k: _work(c) for k, c in unique.items()}
        todo = [c for k, c in unique.items() if not how.done(folder, k)]
        # The longest first: no worker should end alone with a long run.
        todo.sort(key=lambda c: -work[c.key])
        groups = _groups(todo, together)
        groups.sort(key=lambda group: -sum(work[c.key] for c in group))
        failed: list[tuple[str, str]] = []
        left = sum(work[c.key] for c in todo)
        pace = np.zeros(2)
        report = partial(_report, say, len(unique))
        report(len(unique) - len(todo), failed, math.nan, None)
        task = partial(train_group, folder=str(folder), how=how)
        options = {**parallel.resources(device), **options}
        items = [[c.to_dict() for c in group] for group in groups]
        count = len(unique) - len(todo)
        for done in found.map(task, items, workers, **options):
            for i, key in enumerate(c.key for c in groups[done.index]):
                left -= work[key]
                row = None
                if done.error:
                    failed.append((key, done.error))
                else:
                    # Where machines share no file system, the result lies only there so far.
                    if not result_of(folder, key).exists():
                        keep(folder, key, done.value[i])
                    row = done.value[i]["row"]
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


def _groups(todo: Sequence[Config], together: int) -> list[list[Config]]:
    """Runs that one worker trains at once: alike but for the seed, at most so many."""
    alike: dict[str, list[Config]] = {}
    for c in todo:
        alike.setdefault(c.seedless, []).append(c)
    return [
        group[i : i + together] for group in alike.values() for i in range(0, len(group), together)
    ]


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
        elif name in {"rules", "probes"}:
            out[name] = " ".join(value)
            for piece, settings in value.items():
                out |= {f"{piece}.{k}": v for k, v in settings.items()}
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
    files.write(path, text.getvalue())
    return path
