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
    notes="27.9 MB of training source (CPython 3.11, tests included, character tables left "
    "out), one file in twenty held out; loss on 262 144 held-out bytes, the same for "
    "every run. They come from 1.4 MB of files, so the level of the loss carries a common"
    " sampling error of 1 to 2 %; differences between runs do not. Seeds differ by 0.9 % "
    "(28 repeated cells). Five sizes by five budgets (0.26 M to 4.2 M bytes) by two seeds"
    " are whole; beyond them lie 8.4 M bytes for the three smallest and a sixth size of "
    "2.3 M parameters on short budgets. Context 128, batch 1024 bytes, AdamW under muP at"
    " 0.03 for every size and budget (stdlib_bytes_lr), warm-up over a twentieth, cosine "
    "to zero. Depth grows in steps (2, 2, 2, 3, 4, 5 blocks).",
)
