"""A resumable map: one atomic JSON file per finished run, named by the hash of its configuration.

Kill it at any time; at most the runs in flight are lost, and tables are assembled
from whatever is finished.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

Config = dict[str, object]

# One single-threaded process per core beats one process with many threads at these
# sizes, and keeping freed memory in the heap saves ~8 % of page faults.
WORKER_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000000",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
}


def arguments(about: str) -> argparse.Namespace:
    """The command line every recipe shares."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--out", type=Path, required=True, help="folder for tables and run files")
    parser.add_argument("--workers", type=int, default=2, help="single-threaded processes")
    parser.add_argument("--smoke", action="store_true", help="a toy grid in a few seconds")
    parser.add_argument("--tables", action="store_true", help="train nothing, write the tables")
    parser.add_argument("--compile", action="store_true", help="torch.compile: 1.4x on a CPU")
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
    os.environ.update(WORKER_ENVIRONMENT)
    start = time.time()
    with ProcessPoolExecutor(workers, get_context("spawn"), _settle) as pool:
        futures = [pool.submit(_one, train, c, work) for c in todo]
        for i, future in enumerate(as_completed(futures), 1):
            print(f"[{i}/{len(todo)} {time.time() - start:.0f}s] {future.result()}", flush=True)


def _settle() -> None:
    import torch

    os.nice(10)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)


def _one(train: Callable[[Config, Path], dict[str, object]], config: Config, work: Path) -> str:
    start = time.time()
    result = {"run": key(config), **config, **train(config, work)}
    result["seconds"] = round(time.time() - start, 1)
    part = work / f"{key(config)}.part"
    part.write_text(json.dumps(result))
    os.replace(part, work / f"{key(config)}.json")
    shown = {k: v for k, v in result.items() if not isinstance(v, list)}
    return " ".join(f"{k}={v}" for k, v in shown.items())


def write(path: Path, columns: Sequence[str], rows: Iterable[dict[str, object]]) -> None:
    """Write rows as CSV, gzipped when the name ends in .gz; same rows, same bytes."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows([_short(r[c]) for c in columns] for r in rows)
    data = text.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    print(f"{path.name}: {text.getvalue().count(chr(10)) - 1} rows")


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return value
