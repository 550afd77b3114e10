"""Tokens per second of the lab's trainer beside a plain GPT, and of seeds side by side.

    python benchmarks/lab_speed.py            # the trainer against a plain loop
    python benchmarks/lab_speed.py --seeds    # 8 seeds one after another, then on 2 workers
    python benchmarks/lab_speed.py --together 16 --device cuda   # 16 seeds as one stack
    python benchmarks/lab_speed.py --device cuda

The plain loop is what one writes after reading a minimal GPT: LayerNorm, learned positions,
GELU, a tied head, PyTorch's AdamW as it comes, random crops of the text, the loss read at every
step. Same depth, width, heads, context and batch; blocks of steps of the two alternate, so that
a noisy machine slows both.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from loky import ProcessPoolExecutor
from torch import Tensor, nn

from forescale.lab import models, tasks
from forescale.lab.config import Config, config
from forescale.lab.engines.local import ENVIRONMENT, settle
from forescale.lab.sweep import sweep
from forescale.lab.tasks.stdlib_bytes import streams
from forescale.lab.trainer import train

SIZES, CONTEXT, BATCH = (2, 4, 8), 128, 16
BLOCK, BLOCKS = 32, 7


class PlainBlock(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=False), nn.LayerNorm(width, bias=False)
        self.attn = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width, bias=False)
        self.fc = nn.Linear(width, 4 * width, bias=False)
        self.fc_proj = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = self.attn(self.ln_1(x)).split(d, dim=2)
        q, k, v = (u.view(b, t, self.heads, d // self.heads).transpose(1, 2) for u in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).contiguous().view(b, t, d))
        return x + self.fc_proj(F.gelu(self.fc(self.ln_2(x))))


class PlainGPT(nn.Module):
    def __init__(self, depth: int, width: int, heads: int) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(256, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.ModuleList(PlainBlock(width, heads) for _ in range(depth))
        self.ln_f = nn.LayerNorm(width, bias=False)
        self.head = nn.Linear(width, 256, bias=False)
        self.head.weight = self.wte.weight
        nn.init.normal_(self.wte.weight, std=0.02)

    def forward(self, idx: Tensor, targets: Tensor) -> Tensor:
        x = self.wte(idx) + self.wpe(torch.arange(idx.shape[1], device=idx.device))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln_f(x))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


def plain_steps(size: int, n: int, device: str) -> float:
    """Seconds of n steps of the plain loop, after two to warm up."""
    torch.set_num_threads(1)
    shape = models.get("gpt").shape(size)
    model = PlainGPT(shape["depth"], shape["width"], shape["heads"]).to(device)
    data, _ = streams()
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    began = 0.0
    for step in range(n + 2):
        if step == 2:
            began = clock(device)
        ix = torch.randint(len(data) - CONTEXT - 1, (BATCH,))
        x = torch.stack([torch.from_numpy(data[i : i + CONTEXT].astype(np.int64)) for i in ix])
        y = torch.stack(
            [torch.from_numpy(data[i + 1 : i + 1 + CONTEXT].astype(np.int64)) for i in ix]
        )
        loss = model(x.to(device), y.to(device))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        loss.item()
    return clock(device) - began


def lab_config(size: int, steps: int, seed: int = 0) -> Config:
    return config(
        {"task": "stdlib_bytes", "size": size, "steps": steps, "batch": BATCH, "seed": seed,
         "marks": 1, "task_settings": {"context": CONTEXT, "validation": 8}}
    )  # fmt: skip


def lab_steps(size: int, n: int, device: str) -> float:
    """Seconds of n steps of the lab's trainer: a run less a short one, so without its start."""
    took = []
    for steps in (2, n + 2):
        began = clock(device)
        train(lab_config(size, steps), device=device)
        took.append(clock(device) - began)
    return took[1] - took[0]


def clock(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def beside(device: str) -> None:
    print("## Trainer beside a plain loop\n")
    print(f"Batch {BATCH} x {CONTEXT} bytes, float32, {device}, one thread.\n")
    print("| width x depth | parameters | plain, tokens/s | lab, tokens/s | ratio |")
    print("|---|---:|---:|---:|---:|")
    tokens = BLOCK * BATCH * CONTEXT
    # Each in a process as its users would have it: a script, and a worker of a sweep.
    script = ProcessPoolExecutor(1, env={"OMP_NUM_THREADS": "1"})
    worker = ProcessPoolExecutor(1, env=ENVIRONMENT, initializer=settle, initargs=(os.getpid(),))
    for size in SIZES:
        pairs = []
        for block in range(BLOCKS + 1):
            theirs = script.submit(plain_steps, size, BLOCK, device).result()
            ours = worker.submit(lab_steps, size, BLOCK, device).result()
            if block:  # The first is for caches.
                pairs.append((tokens / theirs, tokens / ours))
        shape = models.get("gpt").shape(size)
        io = tasks.get("stdlib_bytes").data(context=CONTEXT, validation=8).io
        n = sum(p.numel() for p in models.get("gpt").make(io, size).parameters())
        a, b = (statistics.median(v) for v in zip(*pairs, strict=True))
        ratio = statistics.median(o / t for t, o in pairs)
        print(f"| {shape['width']} x {shape['depth']} | {n} | {a:.0f} | {b:.0f} | {ratio:.2f} |")
    script.shutdown()
    worker.shutdown()


def seeds(count: int, steps: int, workers: int) -> None:
    print(f"## {count} seeds of the smallest size, {steps} steps\n")
    configs = [lab_config(1, steps, seed=s) for s in range(count)]
    took = {}
    for n in (1, workers):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            sweep(configs, Path(folder), workers=n)
            took[n] = time.perf_counter() - began
    print("| workers | wall s | throughput |")
    print("|---:|---:|---:|")
    for n, wall in took.items():
        print(f"| {n} | {wall:.1f} | {took[1] / wall:.2f} |")


def together(count: int, steps: int, workers: int, device: str, sizes: list[int]) -> None:
    print(f"## {count} seeds of one model, {steps} steps, {device}\n")
    print(f"Batch {BATCH} x {CONTEXT} bytes, float32. Throughput over that of one run at a time;")
    print("walls of two lengths are subtracted, so that starting costs nothing.\n")
    several = max(1, count // workers)
    modes: dict[str, dict[str, int]] = {
        "one after another": {"workers": 1},
        f"{workers} processes": {"workers": workers},
        f"one stack of {count}": {"workers": 1, "together": count},
        f"{workers} processes, stacks of {several}": {"workers": workers, "together": several},
    }

    def wall(size: int, length: int, options: dict[str, int]) -> float:
        configs = [lab_config(size, length, seed=s) for s in range(count)]
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            sweep(configs, Path(folder), device=device, **options)
            return time.perf_counter() - began

    print("| width x depth | tokens/s, " + " | ".join(modes) + " |")
    print("|---|" + "---:|" * len(modes))
    for size in sizes:
        took = []
        for options in modes.values():
            short = wall(size, 2, options)
            took.append(wall(size, steps + 2, options) - short)
        shape = models.get("gpt").shape(size)
        first = f"{count * steps * BATCH * CONTEXT / took[0]:.0f}"
        ratios = " | ".join(f"{took[0] / t:.2f}" for t in took[1:])
        print(f"| {shape['width']} x {shape['depth']} | {first} | {ratios} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", action="store_true")
    parser.add_argument("--together", type=int, metavar="N", help="N seeds as one stack")
    parser.add_argument("--sizes", default="1,2,4", help="for --together")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    if args.together:
        sizes = [int(s) for s in args.sizes.split(",")]
        together(args.together, args.steps, args.workers, args.device, sizes)
        return
    if args.seeds:
        seeds(8, args.steps, args.workers)
        return
    beside(args.device)


if __name__ == "__main__":
    main()
