"""Does the best learning rate of a small width serve a large one? muP beside the standard way.

    python benchmarks/mup_transfer.py --folder work/mup --figure mup.png

GPTs of two blocks on the standard library's bytes, widths 16 to 128, rates in steps of two, two
seeds. About ten minutes on two cores; kill it at any time, the same command goes on.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np

from forescale.lab.config import Config, config
from forescale.lab.coordinates import Coordinate, coordinate_check, slopes
from forescale.lab.how import results
from forescale.lab.ladder import best_rate
from forescale.lab.sweep import sweep

WIDTHS, SEEDS = (16, 32, 64, 128), (0, 1)
RATES = [2e-3 * 2**k for k in range(7)]
INITS = ("mup", "standard")
STEPS = 3


def runs(init: str, width: int) -> list[Config]:
    return [
        config(
            {"task": "stdlib_bytes", "init": init, "size": 1, "steps": 256, "lr": rate,
             "seed": seed, "marks": 1, "task_settings": {"context": 64, "validation": 256},
             "model_settings": {"width": width, "heads": width // 16}}
        )
        for rate in RATES for seed in SEEDS
    ]  # fmt: skip


def losses(configs: list[Config], folder: Path) -> dict[float, float]:
    """Mean loss of each rate over the seeds; NaN where one diverged."""
    seen: dict[float, list[float]] = {}
    for kept in results(configs, folder):
        loss = kept["row"]["loss"]
        seen.setdefault(kept["row"]["lr"], []).append(math.nan if loss is None else loss)
    return {rate: float(np.mean(v)) for rate, v in seen.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    grid = [c for init in INITS for w in WIDTHS for c in runs(init, w)]
    sweep(grid, args.folder, workers=args.workers)
    curves = {(i, w): losses(runs(i, w), args.folder) for i in INITS for w in WIDTHS}
    best = {
        key: best_rate([{"lr": r, "loss": v} for r, v in curve.items()])
        for key, curve in curves.items()
    }
    print("| init | " + " | ".join(f"width {w}" for w in WIDTHS) + " | moves by |")
    print("|---" + "|---:" * (len(WIDTHS) + 1) + "|")
    for init in INITS:
        rates = [best[init, w] for w in WIDTHS]
        cells = " | ".join(
            f"{r:.2g} (loss {min(curves[init, w].values()):.3f})"
            for r, w in zip(rates, WIDTHS, strict=True)
        )
        print(f"| {init} | {cells} | {max(rates) / min(rates):.1f}x |")
    check = {
        init: coordinate_check("gpt", "stdlib_bytes", init, steps=STEPS, seeds=2) for init in INITS
    }
    print("\nCoordinate check, slope of the log of a layer's change against log width:\n")
    for init, table in check.items():
        found = slopes(table, step=STEPS, moved=True)
        print(f"- {init}: " + ", ".join(f"{layer} {v:+.2f}" for layer, v in found.items()))
    if args.figure:
        draw(curves, check, args.figure)


def draw(
    curves: dict[tuple[str, int], dict[float, float]],
    check: dict[str, tuple[Coordinate, ...]],
    path: Path,
) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(INITS), figsize=(10, 7), layout="constrained")
    for column, init in enumerate(INITS):
        top, bottom = axes[:, column]
        for w in WIDTHS:
            rates, values = zip(*sorted(curves[init, w].items()), strict=True)
            top.plot(rates, values, marker="o", label=f"width {w}")
        top.set(xscale="log", title=init, xlabel="peak learning rate", ylabel="loss (nats/byte)")
        top.legend()
        last = [row for row in check[init] if row.step == STEPS]
        for layer in dict.fromkeys(row.layer for row in last):
            rows = sorted((row.width, row.moved) for row in last if row.layer == layer)
            bottom.plot(*zip(*rows, strict=True), marker=".", label=layer)
        bottom.set(
            xscale="log",
            yscale="log",
            xlabel="width",
            ylabel="mean change of activations after 3 steps",
        )
    axes[1, -1].legend(fontsize=6)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
