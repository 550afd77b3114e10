"""Slurm, through submitit: one job of an array per run.

The sweep's folder must be on a file system that the nodes share; jobs go on if the sweep is
killed, and the next one finds their results.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from forescale.errors import BadOption
from forescale.lab.engines._contract import Done, Engine
from forescale.lab.engines.local import one_thread

#: Seconds between looks at the queue.
LOOK = 5.0


def map_slurm(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    workers: int,
    *,
    logs: str = "slurm_logs",
    cluster: str = "slurm",
    minutes: float = 60,
    cpus: int = 1,
    gpus: int = 0,
    look: float = LOOK,
    **others: Any,
) -> Iterator[Done]:
    """Items as jobs of an array, at most `workers` of them at a time.

    Args:
        function: What is called with each item.
        items: The items.
        workers: Jobs at a time.
        logs: Folder of submitit's files, shared by the nodes.
        cluster: "slurm", or "local" for processes on this machine.
        minutes: Time limit of a job.
        cpus: Processors of a job.
        gpus: GPUs of a job.
        look: Seconds between looks at the queue.
        others: Further parameters of Slurm, such as partition or account.

    Raises:
        BadOption: If submitit is not installed, or Slurm is not on this machine.
    """
    try:
        import submitit
    except ModuleNotFoundError:
        raise BadOption(
            "engine 'slurm' needs submitit, which is not installed",
            fix="pip install 'forescale[slurm]'",
        ) from None
    try:
        executor = submitit.AutoExecutor(folder=Path(logs), cluster=cluster)
    except RuntimeError as error:
        raise BadOption(f"no Slurm here: {error}", fix="run this on a login node") from None
    more = {f"slurm_{k}": v for k, v in others.items()} if cluster == "slurm" else {}
    executor.update_parameters(
        timeout_min=round(minutes),
        cpus_per_task=cpus,
        gpus_per_node=gpus,
        slurm_array_parallelism=workers,
        **more,
    )

    def task(item: Any) -> tuple[Any, str]:
        one_thread()
        try:
            return function(item), ""
        except Exception as error:
            # submitit would bury it in a page of its own words.
            return None, f"{type(error).__name__}: {error}"

    if cluster == "slurm":
        jobs = executor.map_array(task, items)
        batches = [list(enumerate(jobs))]
    else:
        # Without a queue nothing holds jobs back.
        at = range(0, len(items), workers)
        batches = [[(i, None) for i in range(a, min(a + workers, len(items)))] for a in at]
    for batch in batches:
        waiting = {i: job or executor.submit(task, items[i]) for i, job in batch}
        while waiting:
            ended = [i for i, job in waiting.items() if job.done()]
            for i in ended:
                job = waiting.pop(i)
                failure = job.exception()
                if failure is None:
                    value, told = job.result()
                    yield Done(i, value, told)
                else:
                    yield Done(i, error=str(failure).strip().splitlines()[0])
            if waiting and not ended:
                time.sleep(look)


ENGINE = Engine(
    name="slurm",
    what="Jobs of a Slurm array (submitit): --on partition=NAME, --on minutes=120.",
    map=map_slurm,
    extra="slurm",
)
