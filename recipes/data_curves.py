"""Tables digits_mlp and teacher_curves: held-out loss against the number of examples.

Two architectures on two tasks: scikit-learn's handwritten digits, and a signal
generator of our own whose label noise sets a known floor.

    python recipes/data_curves.py --out work/data_curves --workers 2

About twenty minutes on two cores; --smoke takes seconds.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import jobs
import numpy as np
import tables
import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIGITS = [round(10 * 2 ** (i / 2)) for i in range(15)]  # 10 to 1280
SIGNALS = [2**k for k in range(3, 16)]  # 8 to 32 768
WIDTHS = {
    "digits": {"mlp": (64, 256), "cnn": (8, 16)},
    "signals": {"mlp": (64, 256), "cnn": (4, 8)},
}
FLIPPED = 0.1  # share of signal labels moved to another class, chosen evenly
LENGTH, CLASSES = 40, 10


def mlp(width: int, inputs: int, planar: bool) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, CLASSES),
    )


def cnn(width: int, inputs: int, planar: bool) -> nn.Module:
    if planar:
        conv, pool, flat, size = nn.Conv2d, nn.MaxPool2d, inputs // 4, 3
    else:
        conv, pool, flat, size = nn.Conv1d, nn.MaxPool1d, inputs // 2, 5
    return nn.Sequential(
        conv(1, width, size, padding="same"),
        nn.ReLU(),
        conv(width, 2 * width, size, padding="same"),
        nn.ReLU(),
        pool(2),
        nn.Flatten(),
        nn.Linear(2 * width * flat, CLASSES),
    )


@cache
def digits(examples: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A random split per seed: the first `examples` train, the last 400 are held out."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(labels)))
    x = torch.tensor(images, dtype=torch.float32).view(-1, 1, 8, 8)[order] / 8 - 1
    y = torch.tensor(labels)[order]
    return x[:examples], y[:examples], x[-400:], y[-400:]


def signals(examples: int, seed: int) -> tuple[Tensor, Tensor]:
    """Smooth class templates, scaled, shifted around the circle, under two kinds of noise."""
    time = np.arange(LENGTH)
    shape = np.random.default_rng(1).normal(size=(CLASSES, 6, 2)) / np.arange(1, 7)[:, None] ** 0.5
    phase = 2 * np.pi * np.arange(1, 7)[:, None] * time / 24
    templates = np.einsum("ck,kt->ct", shape[..., 0], np.cos(phase))
    templates += np.einsum("ck,kt->ct", shape[..., 1], np.sin(phase))
    templates *= np.where(time < 24, np.sin(np.pi * time / 24), 0.0)
    templates /= templates.std(axis=1, keepdims=True)
    rng = np.random.default_rng([2, seed])
    label = rng.integers(CLASSES, size=examples)
    shift = rng.integers(LENGTH, size=(examples, 1))
    x = templates[label[:, None], (time + shift) % LENGTH]
    x = x * rng.uniform(0.6, 1.4, size=(examples, 1))
    drift = rng.uniform(0, 2 * np.pi, size=(examples, 1)) + 2 * np.pi * time / LENGTH
    x = x + 0.5 * rng.normal(size=(examples, 1)) * np.sin(drift)
    x = x + 0.4 * rng.normal(size=x.shape)
    moved = rng.random(examples) < FLIPPED
    label = np.where(moved, (label + rng.integers(1, CLASSES, size=examples)) % CLASSES, label)
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.from_numpy(label)


def load(config: jobs.Config) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    if config["task"] == "digits":
        return digits(config["examples"], config["seed"])
    return *signals(config["examples"], config["seed"]), *signals(4096, 10_000)


def train(config: jobs.Config, work: Path) -> dict[str, object]:
    x, y, x_held, y_held = load(config)
    torch.manual_seed(config["seed"])
    build = {"mlp": mlp, "cnn": cnn}[config["arch"]]
    model = build(config["width"], x[0].numel(), planar=x.dim() == 4)
    batch, steps, rate = min(config["examples"], 64), config["steps"], config["lr"]
    opt = torch.optim.AdamW(model.parameters(), weight_decay=config["weight_decay"], fused=True)
    rows = torch.randint(len(x), (steps, batch))
    nn.init.zeros_(model[-1].weight)  # starts at chance, so that no data means no loss above it
    nn.init.zeros_(model[-1].bias)
    checks = {round(steps * (i / 24) ** 2) for i in range(25)}
    seen = []
    for step in range(steps + 1):
        if step in checks:
            with torch.no_grad():
                logits = model(x_held)
                ce = F.cross_entropy(logits, y_held, reduction="none")
                wrong = (logits.argmax(1) != y_held).float()
                seen.append(torch.stack([ce, wrong]).view(2, 2, -1).mean(2))
        if step == steps:
            break
        for group in opt.param_groups:
            decay = 0.5 + 0.5 * math.cos(math.pi * step / steps)
            group["lr"] = rate * min(1.0, (step + 1) / 20) * decay
        loss = F.cross_entropy(model(x[rows[step]]), y[rows[step]])
        opt.zero_grad()
        loss.backward()
        opt.step()
    # Early stopping without reading the measured examples: each half of the held-out
    # set chooses the step at which the other half is measured.
    halves = torch.stack(seen)  # (check, [ce, wrong], half)
    best = halves[:, 0].argmin(0)
    loss, error = (halves[best[0], :, 1] + halves[best[1], :, 0]).div(2).tolist()
    return {
        "params": sum(p.numel() for p in model.parameters()),
        "loss": loss,
        "error": error,
        "epochs": steps * batch / config["examples"],
        "stopped_at": (best.float() / 24).square().mean().item(),
    }


def config(task: str, arch: str, width: int, examples: int, seed: int) -> jobs.Config:
    """Enough steps that early stopping, not the end of the run, decides (tried at n = 4096)."""
    if task == "digits":
        steps, rate = 480, 3e-3
    else:
        steps = 384 if examples < 512 else max(1200, min(2400, examples // 8))
        rate = 4e-3 if width == 256 else 1e-2
    return {
        "task": task,
        "arch": arch,
        "width": width,
        "examples": examples,
        "seed": seed,
        "steps": steps,
        "lr": rate,
        "weight_decay": 0.1,
    }


def grid(smoke: bool) -> list[jobs.Config]:
    if smoke:
        return [config(t, a, 4, 32, 0) for t in WIDTHS for a in ("mlp", "cnn")]
    return [
        config(task, arch, width, n, seed)
        for task, counts, seeds in (("digits", DIGITS, 5), ("signals", SIGNALS, 3))
        for arch in WIDTHS[task]
        for width in WIDTHS[task][arch]
        for n in reversed(counts)
        for seed in range(seeds)
    ]


COLUMNS = "run arch width params examples epochs loss error seed seconds".split()


def main() -> None:
    args = jobs.arguments(__doc__)
    runs, work = grid(args.smoke), args.out / "runs"
    if not args.tables:
        jobs.run(train, runs, work, args.workers)
    name = "{arch}{width}-n{examples}-s{seed}"
    done = [{**r, "run": name.format(**r)} for r in jobs.finished(runs, work)]
    done.sort(key=lambda r: (r["arch"], r["width"], r["examples"], r["seed"]))
    for name, task in (("digits_mlp", "digits"), ("teacher_curves", "signals")):
        tables.write(args.out / f"{name}.csv", COLUMNS, (r for r in done if r["task"] == task))


if __name__ == "__main__":
    main()
