"""Tables stdlib_bytes, its curves, its learning rates, batches and schedules: the lab's own runs.

Byte-level GPTs on the Python standard library's own source, no byte seen twice.

    python recipes/stdlib_bytes.py --folder work/stdlib_bytes --out src/forescale/datasets

About ninety minutes on two cores. Kill it at any time: the same command goes on. `--part lr`
(or batch, schedules, ladder) makes one table alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import tables

from forescale.lab import models
from forescale.lab.config import Config, config
from forescale.lab.sweep import Progress, results, sweep

CONTEXT = 128
#: Sequences in a step, but where batches are compared: 1024 bytes.
BATCH = 8
SIZES = (1, 2, 3, 5, 8)
#: Steps of every size with two seeds: 0.26 M to 4.2 M bytes.
STEPS = (256, 512, 1024, 2048, 4096)
#: Beyond them: longer for the small sizes, and one size more at the top; (size, steps, seeds).
FARTHER = (
    *((s, 8192, 2) for s in (1, 2, 3)),
    *((s, 16384, 1) for s in (1, 2, 3)),
    (5, 8192, 1),
    *((12, n, 1) for n in (256, 512, 1024)),
)
RATES = tuple(4e-3 * 2**k for k in range(5))
BATCHES = (2, 4, 8, 16, 32, 64)
SCHEDULES = ("cosine", "linear", "wsd", "constant")


def rate(steps: int) -> float:
    """Peak learning rate of a number of steps, through the best of stdlib_bytes_lr.

    One rate serves all widths: muP scales it.
    """
    return 1.6e-2


def run(size: int, steps: int, lr: float, seed: int = 0, **others: Any) -> Config:
    """One run."""
    values = {
        "task": "stdlib_bytes",
        "size": size,
        "steps": steps,
        "batch": BATCH,
        "lr": float(f"{lr:.3g}"),
        "seed": seed,
        "marks": 12,
        "task_settings": {"context": CONTEXT, "validation": 2048},
        **others,
    }
    return config(values)


def ladder() -> list[Config]:
    """Every size by every budget by two seeds, and what lies farther."""
    cells = [(s, n, 2) for s in SIZES for n in STEPS] + list(FARTHER)
    return [run(s, n, rate(n), k) for s, n, seeds in cells for k in range(seeds)]


def rates() -> list[Config]:
    """Rates for three sizes at one budget, and for the smallest at three."""
    cells = [(1, 512), (1, 2048), (1, 8192), (3, 512), (8, 512)]
    return [run(s, n, r) for s, n in cells for r in RATES]


def batches() -> list[Config]:
    """Rates by batch sizes, at one number of bytes."""
    total = BATCH * 512
    return [
        run(2, total // b, r * (b / BATCH) ** 0.5, batch=b)
        for b in BATCHES
        for r in (RATES[0] / 2, *RATES)
    ]


def schedules() -> list[Config]:
    """Schedules by lengths by two seeds."""
    return [
        run(3, n, rate(n), k, schedule=s) for s in SCHEDULES for n in (512, 1024, 2048)
        for k in range(2)
    ]  # fmt: skip


PARTS = {"lr": rates, "batch": batches, "schedules": schedules, "ladder": ladder}

COLUMNS = (
    "run params params_nonembed tokens unique_tokens flops flops_6nd loss train_loss lr_peak "
    "batch_tokens steps d_model n_layers n_heads seed seconds"
).split()
CURVES = (
    "run schedule params budget seed step tokens flops lr loss train_loss is_final".split()
)


def rows(kept: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A run's row, and the rows of its curve, under names that a person can read."""
    row = kept["row"]
    shape = models.get(row["model"]).dimensions(row["size"], row["model_settings"])
    name = f"w{shape['width']}-d{row['tokens']}-b{row['batch'] * CONTEXT}-lr{row['lr']:g}"
    if row["schedule"] != "cosine":
        name += f"-{row['schedule']}"
    who = {"run": f"{name}-s{row['seed']}", "budget": row["tokens"]}
    who |= {k: row[k] for k in ("params", "schedule", "seed")}
    curve = [
        {**point, **who, "tokens": point["data"], "is_final": int(point["step"] == row["steps"])}
        for point in kept["curve"]
    ]
    return {
        **row,
        **who,
        "lr_peak": row["lr"],
        "batch_tokens": row["batch"] * CONTEXT,
        "d_model": shape["width"],
        "n_layers": shape["depth"],
        "n_heads": shape["heads"],
    }, curve


def say(p: Progress) -> None:
    """One line per run."""
    last = "" if p.last is None else f"size {p.last['size']}, {p.last['steps']} steps"
    print(f"{p.finished}/{p.total} {last} {p.seconds_left / 60:.0f} min left", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where runs are kept")
    parser.add_argument("--out", type=Path, required=True, help="where tables are written")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--part", choices=PARTS, nargs="*", default=list(PARTS))
    parser.add_argument("--compile", action="store_true", help="compile the models")
    args = parser.parse_args()
    for part in args.part:
        configs = PARTS[part]()
        sweep(
            configs, args.folder, workers=args.workers, compiled=args.compile, name=part, say=say
        )
        made = [rows(kept) for kept in results(configs, args.folder)]
        table = sorted(
            (row for row, _ in made if not row["diverged"]),
            key=lambda r: (r["params"], r["tokens"], r["batch"], r["lr"], r["seed"]),
        )
        points = [point for _, curve in made for point in curve]
        if part == "schedules":
            tables.write(args.out / "stdlib_bytes_schedules.csv.gz", CURVES, points)
            continue
        name = "stdlib_bytes" if part == "ladder" else f"stdlib_bytes_{part}"
        tables.write(args.out / f"{name}.csv", COLUMNS, table)
        if part == "ladder":
            tables.write(args.out / "stdlib_bytes_curves.csv.gz", CURVES, points)


if __name__ == "__main__":
    main()
