"""GPUs of this machine, each held by one run at a time."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from forescale.errors import BadOption

#: Seconds between looks for a free GPU.
LOOK = 0.5


def visible() -> list[str]:
    """Names of the GPUs that this process sees, in the order of their indices."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = torch.cuda.device_count()
    return named.split(",")[:count] if named else [str(i) for i in range(count)]


@contextmanager
def claimed(count: int) -> Iterator[list[int]]:
    """Indices of so many GPUs that no other run of this user holds, waited for if need be.

    The locks die with their process. They go by the GPUs' names, so that runs to which a
    cluster shows different GPUs under the same index do not wait for each other.

    Raises:
        BadOption: If this process does not see so many.
    """
    names = visible()
    if len(names) < count:
        raise BadOption(
            f"{count} GPUs are wanted for a run, {len(names)} are here", fix="ask for fewer"
        )
    try:
        import fcntl
    except ImportError:  # Windows has no flock; its users must take care themselves.
        yield list(range(count))
        return
    place = Path(tempfile.gettempdir()) / f"forescale-gpus-{os.getuid()}"
    place.mkdir(exist_ok=True)
    with ExitStack() as stack:
        # One run chooses at a time: two that each hold half would wait for ever.
        with (place / "choosing").open("w") as choosing:
            fcntl.flock(choosing, fcntl.LOCK_EX)
            found: dict[int, ExitStack] = {}
            while len(found) < count:
                for i, name in enumerate(names):
                    if i in found or len(found) == count:
                        continue
                    one = stack.enter_context(ExitStack())
                    lock = one.enter_context((place / name.replace("/", "_")).open("w"))
                    try:
                        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except OSError:
                        one.close()
                    else:
                        found[i] = one
                if len(found) < count:
                    time.sleep(LOOK)
        yield sorted(found)
