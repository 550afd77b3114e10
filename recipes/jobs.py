"""A resumable map: one atomic JSON file per finished run, named by the hash of its configuration.

For runs that are no plain training runs of the lab. Kill it at any time; at most the runs in
flight are lost, and tables are assembled from whatever is finished.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from forescale.lab import engines

Config = dict[str, object]


def arguments(about: str) -> argparse.Namespace:
    """The command line every recipe of this kind shares."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True, help="folder for tables and run files")
    parser.add_argument("--workers", type=int, default=2, help="single-threaded processes")
    parser.add_argument("--smoke", action="store_true", help="a toy grid in a few seconds")
    parser.add_argument("--tables", action="store_true", help="train nothing, write the tables")
    return parser.parse_args()


def key(config: Config) -> str:
    """Sixteen hex digits that name this configuration."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]


def finished(configs: Iterable[Config], work: Path) -> list[dict[str, object]]:
    """The results on disk, in the order of `configs`; unfinished ones are left out."""
    files = [work / f"{key(c)}.json" for c in configs]
    return [json.loads(f.read_text()) for f in files if f.exists()]


def run(
    train: Callable[[Config, Path], dict[str, object]],
    configs: Sequence[Config],
    work: Path,
    workers: int,
) -> None:
    """Call `train(config, work)` for every configuration without a file in `work`."""
    work.mkdir(parents=True, exist_ok=True)
    todo = [c for c in configs if not (work / f"{key(c)}.json").exists()]
    print(f"{len(configs) - len(todo)} runs finished, {len(todo)} to do", flush=True)
    start = time.time()
    # By the script's name: what it has cached cannot be sent to another process.
    script = Path(str(sys.modules["__main__"].__file__)).stem
    task = partial(_one, script, train.__name__, work)
    done = engines.get("local").map(task, todo, workers)
    for i, one in enumerate(done, 1):
        print(f"[{i}/{len(todo)} {time.time() - start:.0f}s] {one.error or one.value}", flush=True)


def _one(script: str, name: str, work: Path, config: Config) -> str:
    train = getattr(importlib.import_module(script), name)
    start = time.time()
    result = {"run": key(config), **config, **train(config, work)}
    result["seconds"] = round(time.time() - start, 1)
    part = work / f"{key(config)}.part"
    part.write_text(json.dumps(result))
    os.replace(part, work / f"{key(config)}.json")
    shown = {k: v for k, v in result.items() if not isinstance(v, list)}
    return " ".join(f"{k}={v}" for k, v in shown.items())
