"""Byte GPTs on the Python standard library: a joint (N, D) sweep."""

from forescale.datasets import Dataset

COLUMNS = {
    "run": ("", "width, bytes, batch, peak learning rate and seed"),
    "params": ("params", "all parameters"),
    "params_nonembed": ("params", "parameters without the embedding and the head"),
    "tokens": ("tokens", "bytes seen in training"),
    "unique_tokens": ("tokens", "distinct bytes seen; equal to `tokens`, nothing repeats"),
    "flops": ("flops", "training FLOPs of every matrix product, attention scores included"),
    "flops_6nd": ("flops", "6 per byte and parameter outside the embedding's look-up"),
    "loss": ("nats/token", "held-out cross-entropy per byte at the end of the run"),
    "train_loss": ("nats/token", "mean training loss since the evaluation before the last"),
    "lr_peak": ("1", "peak learning rate of AdamW at the base width, 16: muP scales it"),
    "batch_tokens": ("tokens", "bytes per optimizer step"),
    "steps": ("steps", "optimizer steps"),
    "d_model": ("1", "width"),
    "n_layers": ("1", "transformer blocks"),
    "n_heads": ("1", "attention heads"),
    "seed": ("", "seed of the initial weights and of the order of the data"),
    "seconds": ("s", "wall time of the run on one CPU thread, other work beside it"),
}

DATASET = Dataset(
    name="stdlib_bytes",
    file="stdlib_bytes.csv",
    what="Byte-level GPTs on the Python standard library's source: five sizes by five data "
    "budgets by two seeds and more at both ends, every run with its own finished cosine.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="Being trained.",
)
