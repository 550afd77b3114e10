"""Runs that generalise at once, late or never: the table `grok_runs` and its curves.

    python recipes/grok_runs.py --out runs/grok --workers 2

Seven tasks, fifty draws of settings each, an hour on two cores. Settings are drawn so that all
three outcomes are common: the share of examples trained on, weight decay (none in a sixth),
learning rate, the scale of the start, width, activation and rules are independent of each other.
Probes are read twelve times per factor of ten in steps. A run ends after 4,000 steps, or where it
has 95 % of the test examples right.
"""

from __future__ import annotations

import csv
import itertools
import math
from typing import Any

import numpy as np
import tables
from jobs import arguments

from forescale.lab.config import Config, config
from forescale.lab.sweep import sweep
from forescale.lab.sweep import tables as finished

#: Draws a task, steps of a run, evaluations per factor of ten, accuracy that ends a run.
DRAWS, STEPS, MARKS, UNTIL = 50, 4000, 12, 0.95
#: Losses are not told apart below it.
TINY = 1e-9
#: Digits that are kept, where not 3: forecasts read logs, of the weight norm small changes.
DIGITS = {
    "step": 6, "train_loss": 4, "test_loss": 4, "train_accuracy": 4, "test_accuracy": 4,
    "weight_norm": 5,
}  # fmt: skip
#: Columns of the curves, by the lab's names.
SHOWN = {
    "step": "step",
    "train_loss": "train_loss",
    "loss": "test_loss",
    "accuracy": "test_accuracy",
    "output_margin.wrong": "train_accuracy",
    "output_margin.margin_median": "margin",
    "output_margin.logit_scale": "logit_scale",
    "softmax_collapse.absorbed": "absorbed",
    "norms.weight_norm": "weight_norm",
    "norms.gradient_norm": "gradient_norm",
    "naive_loss_minimisation.cosine": "naive_cosine",
    "effective_rank.effective_rank/head": "feature_rank",
    "intrinsic_dimension.mle": "feature_dimension",
    "neural_collapse.nc1_quotient": "collapse",
    "ntk.alignment": "kernel_alignment",
    "ntk.effective_rank": "kernel_rank",
    "gradient_coherence.m_coherence": "coherence",
}
PROBES = (
    "norms", "output_margin", "softmax_collapse", "naive_loss_minimisation", "effective_rank",
    "intrinsic_dimension", "neural_collapse", "ntk", "gradient_coherence",
)  # fmt: skip
SETTINGS = (
    "task", "examples", "weight_decay", "lr", "init_scale", "width", "act", "rule",
    "steps", "seed",
)  # fmt: skip
MODULAR = {"add": "+", "subtract": "-", "multiply": "*", "squares": "x^2+y^2"}
FAMILIES = (*MODULAR, "parity", "digits", "transformer")


def drawn(family: str, i: int) -> tuple[dict[str, Any], Config]:
    """Settings of a draw, as columns and as a run."""
    rng = np.random.default_rng([7, FAMILIES.index(family), i])
    decay = 0.0 if rng.random() < 1 / 6 else 10 ** rng.uniform(-1.0, 0.7)
    lr = 10 ** rng.uniform(-2.7, -1.8)
    act = str(rng.choice(["relu", "square"]))
    rule = str(rng.choice(["none", "none", "none", "perp_grad", "grokfast", "stablemax"]))
    task: dict[str, Any]
    if family in MODULAR:
        p, share = int(rng.choice([17, 19, 23])), rng.uniform(0.5, 0.95)
        task = {"operation": MODULAR[family], "p": p, "share": round(share, 4)}
        name, model, examples, width = "modular", "token_mlp", round(task["share"] * p * p), 32
        size, scale = int(rng.choice([2, 3, 4])), 2 ** rng.uniform(-1.0, 0.8)
    elif family == "transformer":
        # The network that grokking is studied on, at the rates it is trained with.
        p, share = int(rng.choice([17, 19, 23, 29])), rng.uniform(0.4, 0.9)
        operation = str(rng.choice(["+", "-"]))
        task = {"operation": operation, "p": p, "share": round(share, 4)}
        name, model, examples, width = "modular", "one_layer", round(task["share"] * p * p), 16
        size, scale, act = int(rng.choice([2, 4])), 2 ** rng.uniform(-0.5, 0.5), "relu"
        lr = 10 ** rng.uniform(-3.0, -2.2)
    elif family == "parity":
        examples = int(2 ** rng.uniform(8, 10))
        bits = int(rng.integers(12, 28))
        task = {"subtasks": 1, "bits": bits, "k": 3, "examples": examples, "validation": 1000}
        name, model, width = "sparse_parity", "mlp", 16
        size, scale = int(rng.choice([4, 6])), 2 ** rng.uniform(-1.0, 1.5)
    else:
        examples = int(2 ** rng.uniform(7, 9.5))
        task, name, model, width = {"examples": examples}, "digits", "mlp", 16
        # It takes a large start to make a network learn digits by heart.
        size, scale = int(rng.choice([4, 6])), 2 ** rng.uniform(0.0, 4.0)
    rules: dict[str, Any] = {"init_scale": {"alpha": scale}}
    if rule != "none":
        rules[rule] = {}
    values = {
        "task": name,
        "model": model,
        "size": size,
        "steps": STEPS,
        "batch": min(examples, 400),
        "lr": lr,
        "init": "stream" if model == "one_layer" else "standard",
        "schedule": "constant",
        "warmup": 0.0,
        "rules": rules,
        "probes": {probe: {} for probe in PROBES},
        "seed": i,
        "marks": MARKS,
        "until": UNTIL,
        "task_settings": task,
        "model_settings": {} if model == "one_layer" else {"act": act},
        "optimizer_settings": {"weight_decay": decay, "beta2": 0.98, "everywhere": True},
    }
    row = {
        "task": family, "examples": examples, "weight_decay": decay, "lr": lr,
        "init_scale": scale, "width": width * size, "act": act, "rule": rule, "steps": STEPS,
        "seed": i,
    }  # fmt: skip
    return row, config(values)


def main() -> None:
    asked = arguments(__doc__ or "")
    draws = 2 if asked.smoke else DRAWS
    made = [drawn(f, i) for i in range(draws) for f in FAMILIES]
    if asked.smoke:
        made = [(r | {"steps": 30}, config({**c.to_dict(), "steps": 30})) for r, c in made]
    configs, work = [c for _, c in made], asked.out / "work"
    if asked.tables:
        finished(configs, work)
    else:
        sweep(
            configs, work, workers=asked.workers,
            say=lambda p: print(f"{p.finished}/{p.total}, {p.seconds_left:.0f} s", flush=True),
        )  # fmt: skip
    rows = {c.key: {"run": k, **r} for k, (r, c) in enumerate(made)}
    points = []
    with (asked.out / "work" / "runs_curves.csv").open(newline="", encoding="utf-8") as file:
        for point in csv.DictReader(file):
            shown = {new: float(point[old] or math.nan) for old, new in SHOWN.items()}
            shown = {n: v if math.isfinite(v) else 0.0 for n, v in shown.items()}
            for loss in ("train_loss", "test_loss"):
                # What single precision rounds to zero is no loss of zero.
                shown[loss] = max(shown[loss], TINY)
            shown["train_accuracy"] = 1 - shown["train_accuracy"]
            shown = {n: float(f"{v:.{DIGITS.get(n, 3)}g}") for n, v in shown.items()}
            shown["step"] = int(shown["step"])
            points.append({"run": rows[point["run"]]["run"], **shown, "is_final": 0})
    points.sort(key=lambda p: (p["run"], p["step"]))
    for point, after in itertools.zip_longest(points, points[1:]):
        point["is_final"] = int(after is None or after["run"] != point["run"])
    there = {p["run"] for p in points}
    kept = [r for r in rows.values() if r["run"] in there]
    tables.write(asked.out / "grok_runs.csv", ("run", *SETTINGS), kept)
    tables.write(
        asked.out / "grok_runs_curves.csv.gz", ("run", *SHOWN.values(), "is_final"), points
    )


if __name__ == "__main__":
    main()
