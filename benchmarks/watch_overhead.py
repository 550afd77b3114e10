"""What a watch adds to the time of a run: a GPT trained with it and without, block by block.

Two models of one start take turns at blocks of four steps, in an order that turns as well, so that
a noisy machine slows both. The watch's clock stands still while the other model trains, or it
would think its own steps slower and look more often; it counts CPU seconds of the process, as all
seconds here are, which on an idle machine are those on the wall. "Added"
is the CPU time inside the watch's own calls over that of the unwatched steps, plus what the
watched steps take longer outside of them (the median of the pairs, less 1); its 90 % interval is a
bootstrap over the pairs. The first two readings of each probe, which no budget counts, come
before. The row "nothing" has no watch on either side: what it says is noise.

Run: python benchmarks/watch_overhead.py [--pairs 100] [--size 2]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from forescale.lab import models
from forescale.lab._io import Tokens
from forescale.probes.watching import Watch, _watch, watch

CONTEXT, BATCH, BLOCK = 64, 8, 4
MANY = ("norms", "logit_size", "effective_rank", "update_ratio", "hessian_top")
#: Name, probes, budget; no probes is no watch.
CASES: dict[str, tuple[tuple[str, ...], float]] = {
    "nothing": ((), 0.02),
    "hooks and log alone": (("norms",), 0.0),
    "norms, 0.02": (("norms",), 0.02),
    "norms, 0.05": (("norms",), 0.05),
    f"{len(MANY)} probes, 0.02": (MANY, 0.02),
    f"{len(MANY)} probes, 0.05": (MANY, 0.05),
}


class Clock:
    """CPU seconds that only pass while it is let go."""

    def __init__(self) -> None:
        self._sum, self._since = 0.0, math.nan

    def go(self) -> None:
        self._since = time.process_time()

    def stop(self) -> None:
        self._sum += time.process_time() - self._since
        self._since = math.nan

    def perf_counter(self) -> float:
        running = 0.0 if math.isnan(self._since) else time.process_time() - self._since
        return self._sum + running


def loss_of(out: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return cross_entropy(out.flatten(0, 1), targets.flatten())


class Arm:
    """A model in training, watched or not."""

    def __init__(self, size: int, probes: tuple[str, ...], budget: float) -> None:
        torch.manual_seed(0)
        self.model = models.get("gpt").make(Tokens(256, CONTEXT, 256), size)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, fused=True)
        self.generator = torch.Generator().manual_seed(1)
        self.clock = Clock()
        self.watch: Watch | None = None
        self.inside = 0.0
        if probes:
            # Without a budget no look is due: what is left is the hooks and the log.
            looks = 1 if budget else 10**9
            self.watch = watch(
                self.model, self.optimizer, probes, self.batch(), loss_of, every=looks,
                budget=budget or math.inf,
            )  # fmt: skip
            for hooks in (
                self.optimizer._optimizer_step_pre_hooks,
                self.optimizer._optimizer_step_post_hooks,
            ):
                for key, hook in hooks.items():
                    hooks[key] = self.timed(hook)
            self.log = self.timed(self.watch.log)

    def timed(self, call: Callable[..., None]) -> Callable[..., None]:
        """The same call, its CPU seconds added up."""

        def timing(*args: object, **named: object) -> None:
            began = time.process_time()
            call(*args, **named)
            self.inside += time.process_time() - began

        return timing

    def batch(self) -> tuple[torch.Tensor, torch.Tensor]:
        rows = torch.randint(256, (BATCH, CONTEXT + 1), generator=self.generator)
        return rows[:, :-1], rows[:, 1:]

    def block(self) -> tuple[float, float]:
        """CPU seconds of a block of steps: inside the watch, and outside."""
        _watch.time = SimpleNamespace(perf_counter=self.clock.perf_counter)  # type: ignore[assignment]
        self.clock.go()
        self.inside = 0.0
        began = time.process_time()
        for _ in range(BLOCK):
            x, y = self.batch()
            loss = loss_of(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.watch:
                self.log(loss=loss)
        took = time.process_time() - began
        self.clock.stop()
        return self.inside, took - self.inside

    def spent(self) -> tuple[int, float, float]:
        """Readings, their seconds by the watch's own count, and the run's."""
        if self.watch is None:
            return 0, 0.0, 0.0
        accounts = self.watch._budget.accounts.values()
        return (
            sum(a.readings for a in accounts),
            sum(a.spent for a in accounts),
            self.watch._budget.run_seconds,
        )

    def warm(self) -> None:
        """Steps until every probe has had the readings that it has for nothing."""
        self.block()
        while self.watch and any(a.readings < 2 for a in self.watch._budget.accounts.values()):
            if self.watch._due(1):
                self.block()
            else:
                break


def paired(size: int, pairs: int, probes: tuple[str, ...], budget: float) -> str:
    """Cells of a row."""
    on, off = Arm(size, probes, budget), Arm(size, (), budget)
    on.warm(), off.warm()
    before = on.spent()
    took = np.empty((pairs, 2, 2))
    for pair in range(pairs):
        for arm in (0, 1) if pair % 2 else (1, 0):
            took[pair, arm] = (on, off)[arm].block()
    readings, seconds, run = (a - b for a, b in zip(on.spent(), before, strict=True))

    def added(chosen: np.ndarray) -> float:
        (inside, outside), (_, plain) = chosen.transpose(1, 2, 0)
        return float(inside.sum() / plain.sum() + np.median(outside / plain) - 1)

    rng = np.random.default_rng(0)
    draws = [added(took[rng.integers(pairs, size=pairs)]) for _ in range(2000)]
    low, high = np.quantile(draws, [0.05, 0.95])
    inside = took[:, 0, 0].sum() / took[:, 1, 1].sum()
    told = f"{seconds / run:.2%}" if run else ""
    step = took[:, 1, 1].sum() / pairs / BLOCK * 1e3
    return (
        f"{step:.1f} | {readings} | {told} | {inside:.2%} | {added(took):+.2%} "
        f"| {low:+.2%} to {high:+.2%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--size", type=int, default=2)
    parser.add_argument("--only", default="", help="cases whose name holds this")
    args = parser.parse_args()
    torch.set_num_threads(1)
    print("| watched, budget | step, ms | readings | its own count | inside | added | 90 % |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for name, (probes, budget) in CASES.items():
        if args.only in name:
            print(f"| {name} | {paired(args.size, args.pairs, probes, budget)}", flush=True)


if __name__ == "__main__":
    main()
