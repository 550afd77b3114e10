"""Byte GPTs on the Python standard library: a joint (N, D) sweep."""

from forescale.datasets import Dataset

COLUMNS = {
    "run": ("", "width, bytes, peak learning rate and seed"),
    "params": ("params", "all parameters; the embedding is tied, so each sits in a matmul"),
    "params_nonembed": ("params", "parameters without the 256-row embedding"),
    "tokens": ("tokens", "bytes seen in training"),
    "unique_tokens": ("tokens", "distinct bytes seen; equal to `tokens`, nothing repeats"),
    "flops": ("flops", "6 * params * tokens; attention scores left out"),
    "loss": ("nats/token", "held-out cross-entropy per byte at the end of the run"),
    "train_loss": ("nats/token", "training loss over the last twentieth of the run"),
    "lr_peak": ("1", "peak learning rate of AdamW"),
    "batch_tokens": ("tokens", "bytes per optimizer step"),
    "steps": ("steps", "optimizer steps"),
    "d_model": ("1", "width"),
    "n_layers": ("1", "transformer blocks"),
    "n_heads": ("1", "attention heads"),
    "seed": ("", "seed of the initial weights and of the order of the data"),
    "seconds": ("s", "wall time of the run on one CPU thread, the other core busy"),
}

DATASET = Dataset(
    name="stdlib_bytes",
    file="stdlib_bytes.csv",
    what="Byte-level GPTs on the Python standard library's source: six sizes by up to seven "
    "data budgets, every run with its own finished cosine.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
)
