"""Processes on this machine, one thread each.

One single-threaded process per core trains small networks fastest: two threads that wait for
each other on a shared machine were measured fifty times slower than one.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Any

from forescale.lab.engines._contract import TRIES, Done, Engine

#: Freed memory stays with the process: measured 8 % faster at these sizes.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
}


def settle(parent: int) -> None:
    """Make a worker single-threaded, deaf to the terminal, and gone when its parent is."""
    # Ctrl-C goes to the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    one_thread()


def one_thread() -> None:
    """Keep PyTorch, where there is one, to a single thread and to numbers that are quick."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(1)
    # As losses fall, tails of a softmax become denormal numbers, which are slow to add.
    torch.set_flush_denormal(True)


def map_local(
    function: Callable[[Any], Any], items: Sequence[Any], workers: int, **_: Any
) -> Iterator[Done]:
    """Items over loky processes; those whose worker was killed are started again."""
    from loky import ProcessPoolExecutor

    waiting = list(range(len(items)))
    tries = dict.fromkeys(waiting, 0)
    reasons: dict[int, str] = {}
    while waiting:
        # The last try is made alone: until then an item may have died of its neighbour.
        alone = [i for i in waiting if tries[i] == TRIES - 1][:1]
        batch = alone or waiting
        others = [i for i in waiting if i not in batch]
        pool = ProcessPoolExecutor(
            max_workers=min(workers, len(batch)),
            env=ENVIRONMENT,
            initializer=settle,
            initargs=(os.getpid(),),
        )
        lost: list[int] = []
        try:
            # Handed out one by one, so that a death tells which items were under way.
            todo = iter(batch)
            running: dict[Future[Any], int] = {}
            broken = False
            while True:
                while not broken and len(running) < workers:
                    i = next(todo, None)
                    if i is None:
                        break
                    running[pool.submit(function, items[i])] = i
                if not running:
                    break
                ended, _pending = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    i = running.pop(future)
                    try:
                        yield Done(i, future.result())
                    except BrokenExecutor as error:
                        broken = True
                        lost.append(i)
                        reasons[i] = str(error)
                    except Exception as error:
                        yield Done(i, error=f"{type(error).__name__}: {error}")
        finally:
            pool.shutdown(wait=True, kill_workers=True)
        rest = list(todo) if broken else []
        for i in lost:
            tries[i] += 1
            if tries[i] >= TRIES:
                # The executor knows a death from a task that its process cannot read.
                unread = "un-serialize" in reasons[i]
                killed = f"its process was killed {TRIES} times (memory?)"
                yield Done(i, error=f"no process can read it: {reasons[i]}" if unread else killed)
            else:
                rest.append(i)
        waiting = rest + others


ENGINE = Engine(
    name="local",
    what="Processes on this machine, one thread each (loky).",
    map=map_local,
)
