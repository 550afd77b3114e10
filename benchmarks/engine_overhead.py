"""What an engine adds to a task: wall seconds of tasks that do nothing, and of its start.

python benchmarks/engine_overhead.py
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from forescale.lab import engines


def nothing() -> Callable[[int], int]:
    return lambda x: x


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--engines", nargs="*", default=["local", "ray"])
    args = parser.parse_args()
    print("| engine | first task, s | each further task, ms |")
    print("|---|---:|---:|")
    for name in args.engines:
        began = time.perf_counter()
        done = engines.get(name).map(nothing(), range(args.tasks), 2)
        next(iter(done))
        first = time.perf_counter()
        count = 1 + sum(1 for _ in done)
        each = (time.perf_counter() - first) / (count - 1)
        print(f"| {name} | {first - began:.1f} | {1e3 * each:.1f} |")


if __name__ == "__main__":
    main()
