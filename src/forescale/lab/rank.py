"""One process of a run that several train together: what torchrun starts.

`launch` starts it for a sweep; by hand:

    torchrun --nproc-per-node 4 -m forescale.lab.rank run.toml FOLDER --device cuda
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from forescale.errors import BadOption
from forescale.lab.config import Config, config
from forescale.lab.engines.local import settle
from forescale.lab.how import How
from forescale.lab.parallel import Parallel, Replicated, Sharded, Strategy
from forescale.lab.sweep import grid
from forescale.lab.worker import make


def words() -> argparse.ArgumentParser:
    """What the process understands."""
    parser = argparse.ArgumentParser(prog="forescale.lab.rank", description=__doc__)
    parser.add_argument("run", help="TOML file of one run, or its fields as JSON")
    parser.add_argument("folder", type=Path, help="where its checkpoint and result lie")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--strategy", default="ddp", choices=get_args(Strategy))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--weights", action="store_true", help="keep the weights at the end")
    parser.add_argument("--every", type=float, default=60.0, help="seconds between checkpoints")
    parser.add_argument("--logs", type=json.loads, default={}, help="stores of loggers, as JSON")
    return parser


def _read(text: str) -> Config:
    if text.startswith("{"):
        return config(json.loads(text))
    configs = grid(Path(text).read_text("utf-8"), where=text)
    if len(configs) != 1:
        raise BadOption(f"{len(configs)} runs, one is wanted", where=text, fix="take one")
    return configs[0]


def main(argv: Sequence[str] | None = None) -> None:
    """Join the others, train, and, as the first of them, keep the result.

    Raises:
        BadOption: If the run cannot be, or torchrun did not start this process.
    """
    import torch
    import torch.distributed as dist

    given = words().parse_args(argv)
    if "LOCAL_RANK" not in os.environ:
        raise BadOption("this is no process of a run", fix="start it by torchrun")
    settle(os.getppid())
    run = _read(given.run)
    Parallel(int(os.environ["WORLD_SIZE"]), given.strategy).check(run)
    if given.device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    # Hosts agree by gloo, so that they need not wait for their GPUs.
    dist.init_process_group("gloo" if given.device == "cpu" else "cpu:gloo,cuda:nccl")
    how = How(compiled=given.compile, every=given.every, logs=given.logs, weights=given.weights)
    team = Sharded(given.device) if given.strategy == "fsdp" else Replicated()
    make([run], given.folder, how, device=given.device, team=team)
    # Only here: after an error the others are at work still, and leaving would wait for them.
    dist.destroy_process_group()


if __name__ == "__main__":
    from torch.distributed.elastic.multiprocessing.errors import record

    record(main)()
