"""Tables stdlib_bytes, stdlib_bytes_curves and stdlib_bytes_lr.

Byte-level GPTs on the Python standard library's own source: a joint sweep over size
and data, every run with its own finished cosine and no byte seen twice.

    python recipes/stdlib_bytes.py --out work/stdlib_bytes --workers 2 --compile

About 45 minutes on two cores; --smoke takes seconds.
"""

from __future__ import annotations

from pathlib import Path

import bytegpt
import jobs
import numpy as np
import torch

SHAPES = {  # width: (layers, heads)
    24: (2, 1),
    40: (2, 1),
    56: (3, 2),
    80: (3, 2),
    112: (4, 4),
    160: (5, 5),
}
BUDGETS = [2**k for k in range(18, 25)]  # bytes: 0.26 M to 16.8 M
# The longest budget of each size, for seeds 0, 1 and 2: repeats where they are cheap.
LONGEST = {
    24: (2**24, 2**22, 2**20),
    40: (2**23, 2**22, 2**20),
    56: (2**23, 2**20, 2**20),
    80: (2**22, 2**19, 0),
    112: (2**22, 2**19, 0),
    160: (2**21, 2**19, 0),
}


def lr_rule(width: int, tokens: int) -> float:
    """Peak learning rate, through the best of each row of stdlib_bytes_lr."""
    return 8.5e-3 * (width / 56) ** -1.2 * (tokens / 2**20) ** -0.25


def config(width: int, tokens: int, seed: int, lr: float) -> jobs.Config:
    layers, heads = SHAPES[width]
    return {
        "d_model": width,
        "n_layers": layers,
        "n_heads": heads,
        "tokens": tokens,
        "seed": seed,
        "lr_peak": float(f"{lr:.3g}"),
        "batch_tokens": bytegpt.BATCH * bytegpt.CONTEXT,
    }


def grid() -> list[jobs.Config]:
    """A trapezoid of (size, budget) cells, longest first: no worker ends alone with a long run."""
    cells = [(w, d, s) for w in SHAPES for s in range(3) for d in BUDGETS if d <= LONGEST[w][s]]
    cells.sort(key=lambda c: -c[1] * c[0] ** 2 * SHAPES[c[0]][0])
    return [config(w, d, s, lr_rule(w, d)) for w, d, s in cells]


def lr_sweep() -> list[jobs.Config]:
    """Peak learning rates in steps of 2 at three sizes, and at two budgets for the smallest."""
    cells = [(w, 2**20, r) for w in (24, 56, 112) for r in (2e-3, 4e-3, 8e-3, 16e-3)]
    cells += [(24, 2**20, 32e-3)]
    cells += [(24, 2**22, r) for r in (4e-3, 8e-3, 16e-3, 32e-3)]
    return [config(w, d, 0, r) for w, d, r in cells]


def train(config: jobs.Config, work: Path) -> dict[str, object]:
    torch.manual_seed(config["seed"])
    model = bytegpt.ByteGPT(config["d_model"], config["n_layers"], config["n_heads"])
    source, held_out = bytegpt.stdlib()
    rows = bytegpt.windows(source)
    order = np.random.default_rng(config["seed"]).permutation(len(rows))
    steps = config["tokens"] // config["batch_tokens"]
    rows = rows[order[: steps * bytegpt.BATCH]]
    val = bytegpt.spread(bytegpt.windows(held_out), bytegpt.VAL_WINDOWS)
    every = bytegpt.VAL_WINDOWS // bytegpt.CURVE_WINDOWS
    curve, train_loss = bytegpt.train(
        model, rows, steps, config["lr_peak"], val[::every], compiled=config.get("compiled", False)
    )
    losses = bytegpt.evaluate(model, val)
    torch.save(model.state_dict(), work / f"{jobs.key(config)}.pt")
    size = bytegpt.sizes(model)
    return {
        **size,
        "unique_tokens": config["tokens"],
        "flops": 6 * size["params"] * config["tokens"],
        "steps": steps,
        "loss": float(losses.mean()),
        "loss_se": float(losses.std() / len(losses) ** 0.5),
        "train_loss": train_loss,
        "curve": curve,
    }


COLUMNS = (
    "run params params_nonembed tokens unique_tokens flops loss train_loss lr_peak "
    "batch_tokens steps d_model n_layers n_heads seed seconds"
).split()
CURVE_COLUMNS = "run params budget seed step tokens lr loss is_final".split()


def named(results: list[dict]) -> list[dict]:
    """Results under names a person can read."""
    name = "w{d_model}-d{tokens}-lr{lr_peak:g}-s{seed}"
    return [{**r, "run": name.format(**r)} for r in results]


def curve_rows(results: list[dict]) -> list[dict]:
    return [
        {
            "run": r["run"],
            "params": r["params"],
            "budget": r["tokens"],
            "seed": r["seed"],
            "step": step,
            "tokens": step * r["batch_tokens"],
            "lr": lr,
            "loss": loss,
            "is_final": int(step == r["steps"]),
        }
        for r in results
        for step, lr, loss in r["curve"]
    ]


def main() -> None:
    args = jobs.arguments(__doc__)
    sweep, runs, work = lr_sweep(), grid(), args.out / "runs"
    if args.smoke:
        sweep, runs = [], [config(w, 2**15, 0, 8e-3) for w in (24, 40)]
    if args.compile:
        sweep, runs = ([{**c, "compiled": True} for c in part] for part in (sweep, runs))
    if not args.tables:
        jobs.run(train, sweep + runs, work, args.workers)
    done = named(jobs.finished(runs, work))
    done.sort(key=lambda r: (r["params"], r["tokens"], r["seed"]))
    jobs.write(args.out / "stdlib_bytes.csv", COLUMNS, done)
    jobs.write(args.out / "stdlib_bytes_curves.csv.gz", CURVE_COLUMNS, curve_rows(done))
    jobs.write(args.out / "stdlib_bytes_lr.csv", COLUMNS, named(jobs.finished(sweep, work)))


if __name__ == "__main__":
    main()
