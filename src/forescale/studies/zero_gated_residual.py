"""Residual branches gated by one scalar that starts at zero train at any depth.

Source: Bachlechner et al. 2020, "ReZero is All You Need: Fast Convergence at Large Depth".
"""

from __future__ import annotations

import numpy as np

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, Array, Split, accuracy, digits, excess
from forescale.studies._interval import mean, over_worlds

#: Width of every hidden layer: the number of pixels, so that no layer is needed to enter.
WIDTH = 64
LR, STEPS = 0.01, 40
GOAL_LOSS = 0.5
ACCURATE, CHANCE, FLAT = 0.85, 0.2, 0.3


def run(
    rng: np.random.Generator, data: Split, depth: int, kind: str, steps: int
) -> tuple[float, float]:
    """Test accuracy after full-batch Adagrad, and the step at which the loss fell to GOAL_LOSS.

    Args:
        rng: Source of the weights.
        data: Images to train and test on.
        depth: Hidden layers.
        kind: "rezero" adds gate * relu(h W) with the gate starting at zero, "residual" adds
            relu(h W), "plain" passes on relu(h W) alone.
        steps: Steps; also returned where the goal was not reached.
    """
    w = (rng.normal(size=(depth, WIDTH, WIDTH)) * np.sqrt(2 / WIDTH)).astype(np.float32)
    gate = np.full(depth, 0.0 if kind == "rezero" else 1.0, np.float32)
    out = (rng.normal(size=(WIDTH, CLASSES)) / np.sqrt(WIDTH)).astype(np.float32)
    skip = np.float32(kind != "plain")
    params = [w, gate, out]
    seen = [np.zeros_like(p) for p in params]
    reached = float(steps)

    def forward(x: Array) -> tuple[list[Array], list[Array]]:
        hidden, branch = [x], []
        for i in range(depth):
            branch.append(np.maximum(hidden[-1] @ w[i], 0))
            hidden.append(skip * hidden[-1] + gate[i] * branch[-1])
        return hidden, branch

    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            hidden, branch = forward(data.x)
            loss, g = excess(hidden[-1] @ out, data.y)
            if not np.isfinite(loss):
                return 1 / CLASSES, float(steps)
            if loss <= GOAL_LOSS and reached == steps:
                reached = float(max(t, 1))
            grads = [np.empty_like(w), np.zeros_like(gate), hidden[-1].T @ g]
            back = g @ out.T
            for i in reversed(range(depth)):
                if kind == "rezero":
                    grads[1][i] = (back * branch[i]).sum()
                z = back * (branch[i] > 0) * gate[i]
                grads[0][i] = hidden[i].T @ z
                back = skip * back + z @ w[i].T
            for p, s, d in zip(params, seen, grads, strict=True):
                s += d * d
                p -= np.float32(LR) * d / (np.sqrt(s) + np.float32(1e-8))
        logits = forward(data.x_test)[0][-1] @ out
    return accuracy(logits, data.y_test), reached


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train gated, ungated and plain networks of growing depth on the digits."""
    seeds, depths, examples = (8, (16, 32, 64, 128), 1000) if rerun else (3, (8, 48), 160)
    steps = 150 if rerun else STEPS
    rng = np.random.default_rng([seed, 2003])
    kinds = ("rezero", "residual", "plain")
    right = {kind: np.empty(seeds) for kind in kinds}
    slope = np.empty(seeds)
    for s in range(seeds):
        progress(f"networks of {depths[-1]} layers, seed {s}")
        data = digits(rng, examples)
        for kind in kinds:
            # In the false world the gates start open: a network like the ungated one.
            used = "residual" if falsified and kind == "rezero" else kind
            right[kind][s], last = run(rng, data, depths[-1], used, steps)
            if kind == "rezero":
                taken = [run(rng, data, d, used, steps)[1] for d in depths[:-1]]
                slope[s] = np.polyfit(np.log(depths), np.log([*taken, last]), 1)[0]
    at = f"{depths[-1]} layers"
    return judge(
        {
            "accuracy": over_worlds(
                right["rezero"],
                mean,
                seed=seed,
                least=ACCURATE,
                what=f"test accuracy, gated by zeros, {at}",
            ),
            "accuracy_residual": over_worlds(
                right["residual"],
                mean,
                seed=seed,
                most=CHANCE,
                what="the same, residual without gates",
            ),
            "accuracy_plain": over_worlds(
                right["plain"], mean, seed=seed, most=CHANCE, what="the same, not residual"
            ),
            "steps_slope": over_worlds(
                slope,
                mean,
                seed=seed,
                most=FLAT,
                what=f"exponent in depth of the steps to a loss of {GOAL_LOSS}, gated by zeros",
            ),
        },
        f"scikit-learn's digits, {seeds} splits with {examples} training examples, depths "
        f"{', '.join(map(str, depths))}",
    )


STUDY = Study(
    name="zero_gated_residual",
    papers=("ReZero is All You Need: Fast Convergence at Large Depth",),
    claim="A residual branch times a scalar that starts at zero trains at depths at which plain "
    "and ungated residual networks stay at chance, in a number of steps that hardly grows.",
    criteria=f"The deepest gated network answers {ACCURATE:.0%} of the digits or more, the plain "
    f"and the ungated one {CHANCE:.0%} or less, and the steps to a loss of {GOAL_LOSS} grow with "
    f"an exponent in depth of at most {FLAT}.",
    check=check,
    full="depths up to 128, 1000 examples, 150 steps and 8 splits instead of 48, 160, 40 and 3",
    falsified="the gates start open, at one",
    note="No normalisation layers anywhere: the ungated network diverges for want of them. One "
    "learning rate for all, at which 8 plain layers learn; no Transformer is trained.",
)
