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
    notes="27.9 MB of training source (CPython 3.11.7, tests included, character tables left "
    "out), one file in twenty held out; loss on 262 144 held-out bytes, the same for every "
    "run. They come from 1.4 MB of files, so the level of the loss carries a common sampling "
    "error of 1 to 2 %; differences between runs do not. Seeds differ by 0.7 % (standard "
    "deviation, 19 repeated cells), most where runs are short. Context 128, batch 2048 bytes, "
    "AdamW, warm-up, cosine to zero; peak rate 8.5e-3 (width/56)^-1.2 (tokens/2^20)^-0.25 "
    "from stdlib_bytes_lr. The grid is a trapezoid: the largest models lack the longest "
    "budgets. Depth grows in steps (2, 2, 3, 3, 4, 5 blocks), and the step from 2 to 3 shows. "
    "Larger models fall faster than a power law between 1 and 4 MB, perhaps as they learn to copy "
    "from their context: an additive law in N and D misses by about 2 %, and by 4 % on the "
    "largest runs when it is fitted without them.",
)
