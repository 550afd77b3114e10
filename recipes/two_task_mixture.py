"""Table two_task_mixture: byte GPTs on a mixture of Python and C++, one loss for each.

Python is the standard library's source, C++ the headers that come with torch. A share
`p` of the windows is Python.

    python recipes/two_task_mixture.py --out work/two_task_mixture --workers 2 --compile

About ten minutes on two cores; --smoke takes seconds.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import bytegpt
import jobs
import numpy as np
import stdlib_bytes
import torch

WIDTHS = (56, 40, 24, 80)
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
TOKENS = 2**20
HELD_OUT = 1024  # windows a task, 131 072 bytes


@cache
def cpp() -> tuple[np.ndarray, np.ndarray]:
    """C++ headers of the installed torch."""
    headers = Path(torch.__file__).parent / "include"
    return bytegpt.split(bytegpt.read_sources(headers, (".h", ".hpp", ".cuh"), set()))


def train(config: jobs.Config, work: Path) -> dict[str, object]:
    torch.manual_seed(config["seed"])
    model = bytegpt.ByteGPT(config["d_model"], config["n_layers"], config["n_heads"])
    steps = config["tokens"] // config["batch_tokens"]
    need = steps * bytegpt.BATCH
    rng = np.random.default_rng(config["seed"])
    python = rng.random(need) < config["p_python"]
    rows = np.empty((need, bytegpt.CONTEXT + 1), dtype=np.uint8)
    held_out = {}
    for name, (source, rest), here in (
        ("python", bytegpt.stdlib(), python),
        ("cpp", cpp(), ~python),
    ):
        task = bytegpt.windows(source)
        rows[here] = task[rng.permutation(len(task))[: here.sum()]]
        held_out[name] = bytegpt.spread(bytegpt.windows(rest), HELD_OUT)
    bytegpt.train(
        model,
        rows,
        steps,
        config["lr_peak"],
        held_out["python"][:16],
        compiled=config.get("compiled", False),
    )
    losses = {f"loss_{t}": float(bytegpt.evaluate(model, v).mean()) for t, v in held_out.items()}
    return {**bytegpt.sizes(model), **losses}


COLUMNS = "run params params_nonembed tokens p_task task loss lr_peak seed seconds".split()


def task_rows(results: list[dict]) -> list[dict]:
    """One row per (run, task); `p_task` is that task's share of the training windows."""
    return [
        {
            **r,
            "run": "w{d_model}-python{p_python}".format(**r),
            "task": task,
            "p_task": share,
            "loss": r[f"loss_{task}"],
        }
        for r in results
        for task, share in (("python", r["p_python"]), ("cpp", round(1 - r["p_python"], 6)))
    ]


def main() -> None:
    args = jobs.arguments(__doc__)
    tokens = 2**15 if args.smoke else TOKENS
    cells = [(w, p) for w in WIDTHS for p in SHARES]
    runs = [
        {
            **stdlib_bytes.config(w, tokens, 0, stdlib_bytes.lr_rule(w, tokens)),
            "p_python": p,
            **({"compiled": True} if args.compile else {}),
        }
        for w, p in (cells[10:11] if args.smoke else cells)
    ]
    work = args.out / "runs"
    if not args.tables:
        jobs.run(train, runs, work, args.workers)
    done = task_rows(jobs.finished(runs, work))
    done.sort(key=lambda r: (r["task"], r["params"], r["p_task"]))
    jobs.write(args.out / "two_task_mixture.csv", COLUMNS, done)


if __name__ == "__main__":
    main()
