"""A Ray cluster: an existing one by its address, else one on this machine.

Ray starts a task again when its worker or its node dies. Results come back through Ray, so the
machines need no common file system.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from forescale.errors import BadOption
from forescale.lab.engines._contract import TRIES, Done, Engine
from forescale.lab.engines.local import ENVIRONMENT, one_thread


def map_ray(
    function: Callable[[Any], Any],
    items: Sequence[Any],
    workers: int,
    *,
    address: str = "local",
    cpus: float = 1,
    gpus: float = 0,
    **stray: Any,
) -> Iterator[Done]:
    """Items as Ray tasks, at most `workers` at a time.

    Args:
        function: What is called with each item.
        items: The items.
        workers: Tasks at a time; a cluster runs as many of them as its machines hold.
        address: Of the cluster; "local" starts one here, "auto" takes the one Ray knows.
        cpus: Processors of a task.
        gpus: GPUs of a task.
        stray: Options this engine does not have.

    Raises:
        BadOption: If Ray is not installed, there is no cluster, or an option is unknown.
    """
    if stray:
        raise BadOption(
            f"engine 'ray' has no option {', '.join(stray)}", fix="it has address, cpus, gpus"
        )
    ray = _ray()
    started = not ray.is_initialized()
    if started:
        try:
            # Never without an address: Ray would join whatever an old session left behind.
            ray.init(
                address=address,
                log_to_driver=False,
                include_dashboard=False if address == "local" else None,
                num_cpus=math.ceil(workers * cpus) if address == "local" else None,
            )
        except (ConnectionError, TimeoutError, ValueError) as error:
            raise BadOption(f"no Ray cluster at '{address}': {error}", where="--on") from None

    def task(item: Any) -> Any:
        one_thread()
        return function(item)

    remote = ray.remote(task).options(
        num_cpus=cpus,
        num_gpus=gpus,
        max_retries=TRIES - 1,
        retry_exceptions=False,
        runtime_env={"env_vars": ENVIRONMENT},
    )
    todo = iter(range(len(items)))
    running: dict[Any, int] = {}
    try:
        while True:
            while len(running) < workers and (i := next(todo, None)) is not None:
                running[remote.remote(items[i])] = i
            if not running:
                break
            ended, _ = ray.wait(list(running), num_returns=1)
            for reference in ended:
                i = running.pop(reference)
                try:
                    yield Done(i, ray.get(reference))
                except ray.exceptions.RayTaskError as error:
                    cause = error.cause
                    yield Done(i, error=f"{type(cause).__name__}: {cause}")
                except ray.exceptions.RayError as error:
                    yield Done(i, error=f"its process or node died {TRIES} times: {error}")
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        if started:
            ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError:
        raise BadOption(
            "engine 'ray' needs Ray, which is not installed", fix="pip install 'forescale[ray]'"
        ) from None
    return ray


ENGINE = Engine(
    name="ray",
    what="A Ray cluster: --on address=HOST:PORT, or one on this machine.",
    map=map_ray,
    extra="ray",
)
