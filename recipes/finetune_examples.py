"""Table finetune_examples: loss on C++ against the number of fine-tuning examples.

A byte GPT trained on Python source is fine-tuned on C++ headers (those of the
installed torch). An example is a window of 128 bytes.

    python recipes/finetune_examples.py --out work/stdlib_bytes --workers 2 --compile

With the same --out as stdlib_bytes the pretrained model is found there; otherwise it
is trained first. About twenty minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

import bytegpt
import jobs
import numpy as np
import stdlib_bytes
import torch

EXAMPLES = [8 * 2**k for k in range(9)]  # 8 to 2048
PRETRAINED = (56, 2**23)  # width, bytes
HELD_OUT = 512  # windows, 65 536 bytes


def pretraining(smoke: bool, compiled: bool) -> jobs.Config:
    width, tokens = (24, 2**15) if smoke else PRETRAINED
    config = stdlib_bytes.config(width, tokens, 0, stdlib_bytes.lr_rule(width, tokens))
    return {**config, "compiled": True} if compiled else config


def train(config: jobs.Config, work: Path) -> dict[str, object]:
    """Fine-tune at a linearly falling rate and stop early.

    The passes are enough that early stopping, not their number, decides the loss.
    """
    model = bytegpt.ByteGPT(*config["shape"])
    model.load_state_dict(torch.load(work / f"{config['pretrained']}.pt"))
    rows, held_out = (bytegpt.windows(stream) for stream in bytegpt.cpp())
    test = bytegpt.spread(held_out, HELD_OUT)
    n, rng = config["examples"], np.random.default_rng([1, config["seed"]])
    chosen = torch.from_numpy(rows[rng.permutation(len(rows))[:n]].astype(np.int64))
    batch = min(n, bytegpt.BATCH)
    steps = max(config["least_steps"], config["passes"] * n // bytegpt.BATCH) if n else 0
    passes = [rng.permutation(n) for _ in range(-(-steps * batch // n))] if n else [[]]
    order = torch.from_numpy(np.concatenate(passes)).long()
    opt = bytegpt.optimizer(model)
    checks = {round(steps * (i / 8) ** 2) for i in range(9)}
    seen = []
    for step in range(steps + 1):
        if step in checks:
            seen.append(bytegpt.evaluate(model, test))
            lost = seen[-1].mean() > 1.05 * min(check.mean() for check in seen)
        if step == steps or lost:
            break
        for group in opt.param_groups:
            group["lr"] = config["lr"] * (1 - step / steps)
        taken = chosen[order[step * batch : (step + 1) * batch]]
        loss = model(taken[:, :-1], taken[:, 1:])
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
    # Each half of the test windows chooses when the other half is measured.
    halves = np.stack([np.stack(seen)[:, 0::2].mean(1), np.stack(seen)[:, 1::2].mean(1)])
    best = halves.argmin(1)
    return {
        "params": bytegpt.sizes(model)["params"],
        "steps": steps,
        "loss": float((halves[0, best[1]] + halves[1, best[0]]) / 2),
    }


COLUMNS = "run params pretrain_tokens examples steps loss seed seconds".split()


def main() -> None:
    args = jobs.arguments(__doc__)
    first, work = pretraining(args.smoke, args.compile), args.out / "runs"
    start = {
        "shape": [first["d_model"], first["n_layers"], first["n_heads"]],
        "pretrain_tokens": first["tokens"],
        "pretrained": jobs.key(first),
        "lr": 2e-3,
        "least_steps": 8 if args.smoke else 256,
        "passes": 8,
    }
    cells = [(0, 0)] + [(n, seed) for n in EXAMPLES for seed in range(3)]
    if args.smoke:
        cells = [(0, 0), (8, 0)]
    runs = [{**start, "examples": n, "seed": seed} for n, seed in cells]
    if not args.tables:
        jobs.run(stdlib_bytes.train, [first], work, 1)
        jobs.run(train, runs[::-1], work, args.workers)
    done = [{**r, "run": "n{examples}-s{seed}".format(**r)} for r in jobs.finished(runs, work)]
    jobs.write(args.out / "finetune_examples.csv", COLUMNS, done)


if __name__ == "__main__":
    main()
