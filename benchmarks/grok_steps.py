"""Steps per second of the fast grokking form beside the published one, and seconds to grok.

    python benchmarks/grok_steps.py                      # steps, modulo 113
    python benchmarks/grok_steps.py --grok 59 --seeds 3  # whole runs, modulo 59, and by rule
    python benchmarks/grok_steps.py --whole 113          # one whole published run, minutes

The published form computes all three places, takes the loss in double precision and the test
loss at every step, and updates tensor by tensor. Blocks of steps of the forms alternate, so that
a noisy machine slows all; seconds are CPU time of one thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forescale.lab.grok.fast import Fast
from forescale.lab.grok.reference import Published, Setup, split
from forescale.lab.grok.run import grok, settled

#: Steps of a block, so that each block takes about as long.
BLOCK = {"published": 1, "published, no test loss": 2, "fast": 6}
SMALL: dict[str, Any] = {"share": 0.5, "width": 64}
#: Rules with the settings that their authors give them, or near.
RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "plain, weight decay 3": {"weight_decay": 3.0},
    "perp_grad, lr 1e-2": {"rule": "perp_grad", "lr": 1e-2, "weight_decay": 0.0},
    "grokfast_ema, 0.98, 2, weight decay 1": {"rule": "grokfast_ema"},
}


def timed(step: Callable[[], object], steps: int) -> float:
    """CPU seconds per step."""
    start = time.process_time()
    for _ in range(steps):
        step()
    return (time.process_time() - start) / steps


def steps(setup: Setup, blocks: int) -> None:
    """Print a table of the forms."""
    data = split(setup)
    with settled(1, "cpu"):
        plain, fast = Published(setup, data), Fast(setup, data)
        forms: dict[str, Callable[[], object]] = {
            "published": lambda: plain.step(test=True),
            "published, no test loss": plain.step,
            "fast": fast.step,
        }
        for step in forms.values():
            step()
        taken: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(blocks):
            for name, step in forms.items():
                taken[name].append(timed(step, BLOCK[name]))
    print(f"modulo {setup.p}, {setup.share:.0%} of the table, width {setup.width}, one thread\n")
    print(
        "| form | ms per step | steps/s | times published (range over blocks) |\n|---|---|---|---|"
    )
    for name, each in taken.items():
        ratios = [a / b for a, b in zip(taken["published"], each, strict=True)]
        middle = statistics.median(each)
        print(
            f"| {name} | {1e3 * middle:.1f} | {1 / middle:.1f} | {statistics.median(ratios):.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) |"
        )


def runs(p: int, seeds: int, most: int) -> None:
    """Print a table of whole runs by rule."""
    print("| rule | seed | memorised | generalised | steps | CPU s |\n|---|---|---|---|---|---|")
    for name, settings in RULES.items():
        for seed in range(seeds):
            r = grok(Setup(p=p, seed=seed, **{**SMALL, **settings}), steps=most)
            print(
                f"| {name} | {seed} | {r.t_memorised} | {r.t_generalised} | {r.steps} | "
                f"{r.seconds:.1f} |",
                flush=True,
            )


def tell(curve: Sequence[Mapping[str, float]]) -> None:
    """A line of the last row."""
    row = curve[-1]
    print(
        f"step {row['step']:.0f}: loss {row['train_loss']:.3g} train, {row['test_loss']:.3g} test; "
        f"right {row['train_accuracy']:.1%} train, {row['test_accuracy']:.1%} test",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--p", type=int, default=113)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--grok", type=int, metavar="P")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--most", type=int, default=5000)
    parser.add_argument("--whole", type=int, metavar="P")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.grok:
        runs(args.grok, args.seeds, args.most)
    elif args.whole:
        setup = Setup(p=args.whole, seed=args.seed)
        print(grok(setup, steps=20_000, measures=True, look=tell).summary())
    else:
        steps(Setup(p=args.p), args.blocks)


if __name__ == "__main__":
    main()
