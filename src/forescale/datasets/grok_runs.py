"""Runs that generalise at once, late or never."""

from forescale.datasets import Dataset

COLUMNS = {
    "run": ("", "number of the run"),
    "task": ("", "add, subtract, multiply or squares (x^2+y^2) modulo p, parity of 3 bits of many, "
             "digits, or transformer: add or subtract modulo p by attention"),
    "examples": ("examples", "training examples"),
    "weight_decay": ("1", "AdamW's, on every parameter"),
    "lr": ("1", "learning rate, constant"),
    "init_scale": ("1", "factor on the initial weights"),
    "width": ("", "neurons of a hidden layer"),
    "act": ("", "relu or square"),
    "rule": ("", "what changes the loop: none, perp_grad, grokfast or stablemax"),
    "steps": ("steps", "optimizer steps the run was given at most"),
    "seed": ("", "seed of the weights"),
}  # fmt: skip

DATASET = Dataset(
    name="grok_runs",
    file="grok_runs.csv",
    what="Small networks on seven tasks that can be learnt by heart or by rule, their settings "
    "drawn independently, so that they generalise at once, late or never.",
    columns=COLUMNS,
    recipe="recipes/grok_runs.py",
    notes="A table of settings; the curves are in grok_runs_curves. Runs end after 4,000 steps, or "
    "with 95 % of the test examples right, or where they diverged. Five in eight generalise; one "
    "that has not may yet.",
)
