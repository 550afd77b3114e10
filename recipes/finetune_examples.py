"""Table finetune_examples: loss on C++ against the number of fine-tuning examples.

A byte GPT that the lab trained on Python source is fine-tuned on C++ headers (those of the
installed torch). An example is a window of 128 bytes.

    python recipes/finetune_examples.py --out work/finetune --workers 2

About twenty minutes on two cores.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import jobs
import numpy as np
import tables
import torch
from safetensors.torch import load_file
from torch import Tensor

from forescale.lab import inits, models, optimizers, tasks
from forescale.lab._run import criterion
from forescale.lab.config import Config, config
from forescale.lab.sweep import sweep
from forescale.lab.tasks.stdlib_bytes import windows

CONTEXT, BATCH = 128, 16
EXAMPLES = [8 * 2**k for k in range(9)]  # 8 to 2048
HELD_OUT = 512  # windows, 65 536 bytes
LOSS = criterion("cross_entropy")


def pretraining(smoke: bool) -> Config:
    """Two blocks of width 48 on 8.4 million bytes."""
    return config(
        {
            "task": "stdlib_bytes",
            "size": 1 if smoke else 3,
            "steps": 16 if smoke else 8192,
            "batch": 8,
            "lr": 3e-2,
            "task_settings": {"context": CONTEXT},
        }
    )


@cache
def cpp() -> tuple[np.ndarray, np.ndarray]:
    """Windows to train on and to test on: one header in twenty, chosen by its hash, tests."""
    root = Path(torch.__file__).parent / "include"
    found = {}
    for path in root.rglob("*"):
        if path.suffix in (".h", ".hpp", ".cuh") and path.is_file():
            content = path.read_bytes()
            found[hashlib.sha256(content).hexdigest()] = content
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for name in sorted(found):
        parts[int(name[:8], 16) % 20 == 0].append(found[name] + b"\0")
    train, test = (np.frombuffer(b"".join(p), dtype=np.uint8) for p in parts)
    return windows(train, CONTEXT), windows(test, CONTEXT)


@torch.no_grad()
def losses(module: torch.nn.Module, rows: Tensor) -> np.ndarray:
    """Loss of each group of 16 windows."""
    return np.array([LOSS(module(r[:, :-1]), r[:, 1:]).item() for r in rows.split(16)])


def train(job: jobs.Config, work: Path) -> dict[str, object]:
    """Fine-tune at a linearly falling rate and stop early.

    The passes are enough that early stopping, not their number, decides the loss.
    """
    job_ = SimpleNamespace(**job)
    model, io = models.get("gpt"), tasks.get("stdlib_bytes").data(context=CONTEXT).io
    module = model.make(io, job_.size)
    module.load_state_dict(load_file(work / f"{job_.pretrained}.safetensors"))
    init = inits.get("mup")
    roles = inits.roles(model, io, job_.size, {})
    stepper = optimizers.get("adamw").over(module, roles, init)
    rows, held_out = cpp()
    spread = np.linspace(0, len(held_out) - 1, HELD_OUT).astype(int)
    test = torch.from_numpy(held_out[spread].astype(np.int64))
    n, rng = job_.examples, np.random.default_rng([1, job_.seed])
    chosen = torch.from_numpy(rows[rng.permutation(len(rows))[:n]].astype(np.int64))
    batch = min(n, BATCH)
    steps = max(job_.least_steps, job_.passes * n // BATCH) if n else 0
    passes = [rng.permutation(n) for _ in range(-(-steps * batch // n))] if n else [[]]
    order = torch.from_numpy(np.concatenate(passes)).long()
    checks = {round(steps * (i / 8) ** 2) for i in range(9)}
    seen = []
    for step in range(steps + 1):
        if step in checks:
            seen.append(losses(module, test))
            lost = seen[-1].mean() > 1.05 * min(check.mean() for check in seen)
        if step == steps or lost:
            break
        stepper.set_lr(job_.lr * (1 - step / steps))
        taken = chosen[order[step * batch : (step + 1) * batch]]
        stepper.zero_grad()
        LOSS(module(taken[:, :-1]), taken[:, 1:]).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        stepper.step()
    # Each half of the test windows chooses when the other half is measured.
    halves = np.stack([np.stack(seen)[:, 0::2].mean(1), np.stack(seen)[:, 1::2].mean(1)])
    best = halves.argmin(1)
    return {
        "params": sum(p.numel() for p in module.parameters()),
        "steps": steps,
        "loss": float((halves[0, best[1]] + halves[1, best[0]]) / 2),
    }


COLUMNS = "run params pretrain_tokens examples steps loss seed seconds".split()


def main() -> None:
    args = jobs.arguments(__doc__)
    first, work = pretraining(args.smoke), args.out / "runs"
    start = {
        "size": first.size,
        "pretrain_tokens": first.steps * first.batch * CONTEXT,
        "pretrained": first.key,
        "lr": 4e-3,
        "least_steps": 8 if args.smoke else 256,
        "passes": 8,
    }
    cells = [(0, 0)] + [(n, seed) for n in EXAMPLES for seed in range(3)]
    if args.smoke:
        cells = [(0, 0), (8, 0)]
    runs = [{**start, "examples": n, "seed": seed} for n, seed in cells]
    if not args.tables:
        sweep([first], work, weights=True)
        jobs.run(train, runs[::-1], work, args.workers)
    done = [{**r, "run": "n{examples}-s{seed}".format(**r)} for r in jobs.finished(runs, work)]
    tables.write(args.out / "finetune_examples.csv", COLUMNS, done)


if __name__ == "__main__":
    main()
