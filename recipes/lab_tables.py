"""Tables lr_batch and schedule_curves, by the lab's own sweeps.

    python recipes/lab_tables.py --folder work/lab_tables --out src/forescale/datasets --workers 2

Six minutes on two cores; kill it at any time, the same command goes on.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from forescale.lab.config import Config, config
from forescale.lab.sweep import results, sweep

CONTEXT = 128
TOKENS = 2**19
BATCHES = (4, 8, 16, 32, 64)
RATES = [4e-3 * 2**k for k in range(6)]
SCHEDULES = ("cosine", "linear", "wsd", "constant")
LENGTHS = (256, 512, 1024)

LR_BATCH = "run params tokens batch_tokens steps lr_peak loss train_loss seed seconds".split()
CURVES = "run schedule params total_steps seed step tokens lr loss train_loss".split()


def lr_batch() -> list[Config]:
    """Rates by batch sizes at one number of tokens."""
    return [
        config(
            {
                "task": "stdlib_bytes",
                "size": 2,
                "batch": b,
                "steps": TOKENS // (b * CONTEXT),
                "lr": rate,
            }
        )
        for b in BATCHES
        for rate in RATES
    ]


def schedules() -> list[Config]:
    """Four schedules, three lengths, two seeds."""
    return [
        config({"task": "stdlib_bytes", "size": 2, "schedule": s, "steps": n, "seed": k,
                "lr": 1.6e-2, "marks": 16})
        for s in SCHEDULES for n in LENGTHS for k in range(2)
    ]  # fmt: skip


def write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Rows as CSV: the same rows, the same bytes."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    for row in rows:
        cells = (row[c] for c in columns)
        table.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in cells])
    path.write_text(text.getvalue(), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    grid, curves = lr_batch(), schedules()
    sweep([*grid, *curves], args.folder, workers=args.workers)
    rows = [r["row"] for r in results(grid, args.folder)]
    named = [
        {
            **r,
            "run": f"b{r['batch'] * CONTEXT}-lr{r['lr']:.3g}",
            "lr_peak": r["lr"],
            "batch_tokens": r["batch"] * CONTEXT,
        }
        for r in rows
        if not r["diverged"]
    ]
    write(args.out / "lr_batch.csv", LR_BATCH, named)
    points = [
        {
            **point,
            "run": f"{kept['row']['schedule']}-{kept['row']['steps']}-s{kept['row']['seed']}",
            "tokens": point["data"],
            "total_steps": kept["row"]["steps"],
            **{k: kept["row"][k] for k in ("schedule", "params", "seed")},
        }
        for kept in results(curves, args.folder)
        for point in kept["curve"]
    ]
    write(args.out / "schedule_curves.csv", CURVES, points)


if __name__ == "__main__":
    main()
