"""Learning curves of the runs in stdlib_bytes."""

from forescale.datasets import Dataset

COLUMNS = {
    "run": ("", "as in the table of the runs"),
    "schedule": ("", "how the learning rate moves: cosine, linear, wsd or constant"),
    "params": ("params", "all parameters"),
    "budget": ("tokens", "bytes the whole run will see: the length of its schedule"),
    "seed": ("", "seed of the initial weights and of the order of the data"),
    "step": ("steps", "optimizer steps taken"),
    "tokens": ("tokens", "bytes seen so far"),
    "flops": ("flops", "training FLOPs so far, attention scores included"),
    "lr": ("1", "learning rate of the step just taken, at the base width"),
    "loss": ("nats/token", "held-out cross-entropy per byte, on every eighth window"),
    "train_loss": ("nats/token", "mean training loss since the evaluation before"),
    "is_final": ("", "1 at the end of the run"),
}

DATASET = Dataset(
    name="stdlib_bytes_curves",
    file="stdlib_bytes_curves.csv.gz",
    what="Held-out loss along training for every run of stdlib_bytes, twelve points to a factor "
    "of ten in steps.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="Measured on 32 768 of the 262 144 held-out bytes of stdlib_bytes, so a curve ends "
    "near, not at, the loss of that table. Before its end a curve is above what a finished "
    "run of that length would reach.",
)
