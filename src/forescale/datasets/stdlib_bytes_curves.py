"""Learning curves of the runs in stdlib_bytes."""

from forescale.datasets import Dataset

DATASET = Dataset(
    name="stdlib_bytes_curves",
    file="stdlib_bytes_curves.csv.gz",
    what="Held-out loss along training for every run of stdlib_bytes, at steps spaced by "
    "the square root of two.",
    columns={
        "run": ("", "as in stdlib_bytes"),
        "params": ("params", "as in stdlib_bytes"),
        "budget": ("tokens", "bytes the whole run will see: the length of its cosine"),
        "seed": ("", "as in stdlib_bytes"),
        "step": ("steps", "optimizer steps taken"),
        "tokens": ("tokens", "bytes seen so far"),
        "lr": ("1", "learning rate of the step just taken"),
        "loss": ("nats/token", "held-out cross-entropy per byte, on every eighth window"),
        "is_final": ("", "1 at the end of the run, where the learning rate has reached zero"),
    },
    recipe="recipes/stdlib_bytes.py",
    notes="Measured on 32 768 of the 262 144 held-out bytes of stdlib_bytes, so a curve ends "
    "near, not at, the loss of that table. Before its end a curve is above what a finished "
    "run of that length would reach.",
)
