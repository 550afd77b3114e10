"""The processes of one run, started by PyTorch's own elastic agent (what torchrun is made of).

The agent ends all of them when one ends badly, so that none waits for a message that never
comes. A process that was killed is no fault of the run: it is started again and goes on from its
checkpoint, as often as an engine would. An error that a process raised is the run's own.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from forescale import errors
from forescale.errors import BadOption, ForescaleError, NotReached
from forescale.lab._gpus import claimed, visible
from forescale.lab.config import Config
from forescale.lab.engines import TRIES
from forescale.lab.how import How

#: Errors of a process whose neighbour is gone: PyTorch has no class of its own for all of them.
ECHOES = ("RuntimeError", "DistError", "DistNetworkError", "DistBackendError")
#: Signals that the agent takes over, and leaves taken.
TAKEN = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")


def launch(run: Config, folder: Path, how: How) -> None:
    """Train one run in several processes; its result lies in the folder afterwards.

    Args:
        run: The run.
        folder: Where its checkpoint and result lie.
        how: How it is made: the device is "cpu", where the processes talk by gloo, or "cuda"
            (NCCL).

    Raises:
        BadOption: If the run cannot be spread so, or there are too few GPUs.
        NotReached: If its processes were killed again and again.
    """
    processes, device = how.parallel.processes, how.device
    how.parallel.check(run)
    if device not in {"cpu", "cuda"}:
        raise BadOption(f"{processes} processes on '{device}'", fix="give cpu or cuda")
    words = ["-m", "forescale.lab.rank", json.dumps(run.to_dict()), str(folder)]
    words += ["--device", device, "--strategy", how.parallel.strategy, "--every", str(how.every)]
    words += ["--logs", json.dumps(dict(how.logs))]
    words += [
        w for w, wanted in (("--compile", how.compiled), ("--weights", how.weights)) if wanted
    ]
    # The very code that runs here, wherever another copy is installed.
    home = str(Path(errors.__file__).parents[1])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    with ExitStack() as stack:
        changes = {"PYTHONPATH": os.pathsep.join(paths)}
        if device == "cuda":
            taken = stack.enter_context(claimed(processes))
            changes["CUDA_VISIBLE_DEVICES"] = ",".join(visible()[i] for i in taken)
        stack.enter_context(_environment(changes))
        stack.enter_context(_signals())
        for _ in range(TRIES):
            if _ended(words, processes):
                return
    raise NotReached(f"one of its processes was killed {TRIES} times (memory?)")


def _ended(words: list[str], processes: int) -> bool:
    """Whether the processes came to their end; False if one was killed.

    Raises:
        ForescaleError, RuntimeError: What a process raised.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, Std
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    with tempfile.TemporaryDirectory(prefix="forescale-") as place:
        plan = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=Path(place).name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="localhost",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=place, redirects=Std.ALL),
        )
        try:
            elastic_launch(plan, sys.executable)(*words)
        except ChildFailedError as failed:
            found = list(failed.failures.values())
            # The agent ends those that are left by SIGTERM; any other signal came from outside.
            if any(f.exitcode < 0 and f.exitcode != -signal.SIGTERM for f in found):
                return False
            raise _cause(found, Path(place)) from None
    return True


def _cause(failures: list[Any], logs: Path) -> Exception:
    """The error that came first, as far as can be told: neighbours fail in its wake."""
    said = [(f.message["message"], f.timestamp) for f in failures if isinstance(f.message, dict)]
    if not said:
        lines = [line for p in logs.rglob("stderr.log") for line in p.read_text().splitlines()]
        return RuntimeError(lines[-1] if lines else "a process ended without a word")
    text, _ = min(said, key=lambda s: (s[0].startswith(ECHOES), s[1]))
    name, _, rest = text.partition(": ")
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, ForescaleError):
        return kind(rest)
    return RuntimeError(text)


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    kept = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in kept.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _signals() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = {s: signal.getsignal(s) for n in TAKEN if (s := getattr(signal, n, None)) is not None}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
