"""Steps to generalise on a small modular table, rule by rule, from the same starts.

Networks of one hidden layer of squares learn addition modulo a prime on a part of its table, by
Adam on the whole of it. `fit` is the first look at which 99 % of the training pairs are right,
`grok` the first at which 99 % of the others are; medians over the seeds that got there, with the
least and the most, and how many did. Every arm without "decay" has no weight decay.

Run: python benchmarks/grok_rules.py [--steps 1000] [--seeds 5]
"""

from __future__ import annotations

import argparse
import math
from statistics import median

import numpy as np

from forescale.studies._modular import accuracy, network, steps, table

P, SHARE, WIDTH, LR, BETA2 = 29, 0.85, 128, 0.03, 0.99
#: Scale of the first weights; the arm "small start" begins at half of it.
SCALE = 2.0
EVERY, GOAL = 10, 0.99
#: Rules with their settings, and the weight decay, of each arm.
ARMS: dict[str, tuple[dict[str, dict[str, float | str]], float]] = {
    "plain": ({}, 0.0),
    "decay 1": ({}, 1.0),
    "small start": ({"init_scale": {"alpha": 0.5}}, 0.0),
    "perp_grad": ({"perp_grad": {}}, 0.0),
    "stablemax": ({"stablemax": {}}, 0.0),
    "float64_loss": ({"float64_loss": {}}, 0.0),
    "log1p_loss": ({"log1p_loss": {}}, 0.0),
    "grokfast": ({"grokfast": {}}, 0.0),
    "grokfast, decay 1": ({"grokfast": {}}, 1.0),
    "sam": ({"sam": {}}, 0.0),
    "norm_constraint": ({"norm_constraint": {}}, 0.0),
    "label_noise": ({"label_noise": {"share": 0.1}}, 0.0),
    "prune": ({"prune": {"method": "random", "keep": 0.4}}, 0.0),
}


def timed(arm: str, seed: int, most: int) -> tuple[float, float, float]:
    """Steps to fit and to generalise, infinite where it did not, and the last test accuracy."""
    import torch

    rules, decay = ARMS[arm]
    rng = np.random.default_rng([seed, 2501])
    data = table(rng, P, SHARE, torch.float32)
    net = network(rng, P, WIDTH, SCALE, torch.float32)
    fit = grok = math.inf
    test = 0.0
    for step in steps(net, data, rules, most, lr=LR, beta2=BETA2, decay=decay):
        if step % EVERY:
            continue
        test = accuracy(net, data.x_test, data.y_test)
        if fit == math.inf and accuracy(net, data.x, data.y) >= GOAL:
            fit = step
        if test >= GOAL:
            grok = step
            break
    return fit, grok, test


def spread(times: list[float]) -> str:
    """Median, least and most of those that are finite, and their number."""
    there = [t for t in times if t < math.inf]
    if not there:
        return f"none of {len(times)}"
    return f"{median(there):g} ({min(there):g} to {max(there):g}), {len(there)} of {len(times)}"


def main() -> None:
    """Print the table."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| rule | fit, steps | grok, steps | last test accuracy, median |")
    print("|---|---|---|---|")
    for arm in ARMS:
        runs = [timed(arm, seed, given.steps) for seed in range(given.seeds)]
        fits, groks, tests = (list(column) for column in zip(*runs, strict=True))
        print(f"| {arm} | {spread(fits)} | {spread(groks)} | {median(tests):.3f} |", flush=True)


if __name__ == "__main__":
    main()
