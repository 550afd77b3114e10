"""Tables stdlib_bytes, its curves, its learning rates, batches and schedules: the lab's own runs.

Byte-level GPTs on the Python standard library's own source, no byte seen twice.

    python recipes/stdlib_bytes.py --out work/stdlib_bytes --workers 2

About an hour on two cores, or seconds with --smoke. Kill it at any time: the same command goes
on.
"""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from typing import Any

import jobs
import tables
from msgspec.structs import replace

from forescale.lab import models
from forescale.lab.config import Config, config
from forescale.lab.how import results
from forescale.lab.sweep import Progress, sweep

CONTEXT = 128
#: Sequences in a step, but where batches are compared: 1024 bytes.
BATCH = 8
SIZES = (1, 2, 3, 5, 8)
#: Steps of every size with two seeds: 0.26 M to 4.2 M bytes.
STEPS = (256, 512, 1024, 2048, 4096)
#: Beyond them: longer for the small sizes, and one size more at the top; (size, steps, seeds).
FARTHER = (
    *((s, 8192, 2) for s in (1, 2, 3)),
    *((12, n, 1) for n in (256, 512, 1024)),
)
RATES = tuple(4e-3 * 2**k for k in range(5))
BATCHES = (2, 4, 8, 16, 32, 64)
SCHEDULES = ("cosine", "linear", "wsd", "constant")


def rate(steps: int) -> float:
    """Peak learning rate of a number of steps, through the best of stdlib_bytes_lr.

    One rate serves all widths: muP scales it.
    """
    return 3e-2


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
#: Tables of runs, and tables of their curves.
NAMES = {"ladder": "stdlib_bytes", "lr": "stdlib_bytes_lr", "batch": "stdlib_bytes_batch"}
ALONG = {"ladder": "stdlib_bytes_curves", "schedules": "stdlib_bytes_schedules"}
SMALL = {"task_settings": {"context": CONTEXT, "validation": 64}}

COLUMNS = (
    "run params params_nonembed tokens unique_tokens flops flops_6nd loss train_loss lr_peak "
    "batch_tokens steps d_model n_layers n_heads seed seconds"
).split()
CURVES = "run schedule params budget seed step tokens flops lr loss train_loss is_final".split()


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


def say(part: str, p: Progress) -> None:
    """One line per run."""
    if p.last is None:
        print(f"{part}: {p.finished} runs finished, {p.total - p.finished} to do", flush=True)
    else:
        run = f"size {p.last['size']}, {p.last['steps']} steps"
        print(f"{p.finished}/{p.total} {run}, {p.seconds_left / 60:.0f} min left", flush=True)


def main() -> None:
    args = jobs.arguments(__doc__)
    made = {}
    for part, configs_of in PARTS.items():
        configs = configs_of()
        if args.smoke:
            configs = [replace(c, steps=16, size=1, **SMALL) for c in configs[:2]]
        folder = args.out / "runs"
        if not args.tables:
            sweep(configs, folder, workers=args.workers, name=part, say=partial(say, part))
        made[part] = [rows(kept) for kept in results(configs, folder)]
    for part, name in NAMES.items():
        order = ("params", "tokens", "batch", "lr", "seed")
        found = sorted((r for r, _ in made[part] if not r["diverged"]), key=itemgetter(*order))
        tables.write(args.out / f"{name}.csv", COLUMNS, found)
    for part, name in ALONG.items():
        points = [point for _, curve in made[part] for point in curve]
        tables.write(args.out / f"{name}.csv.gz", CURVES, points)


if __name__ == "__main__":
    main()
