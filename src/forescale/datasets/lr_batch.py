"""Learning rate by batch size at one number of tokens."""

from forescale.datasets import Dataset

DATASET = Dataset(
    name="lr_batch",
    file="lr_batch.csv",
    what="Loss of a byte GPT of width 32 after 2^19 bytes against peak learning rate and batch.",
    columns={
        "run": ("", "batch and rate"),
        "params": ("params", "all parameters"),
        "tokens": ("tokens", "bytes trained on, none twice"),
        "batch_tokens": ("tokens", "bytes in a step"),
        "steps": ("steps", "optimizer steps"),
        "lr_peak": ("1", "peak of the cosine, at the base width of the parametrisation"),
        "loss": ("nats/token", "held-out cross-entropy per byte at the end"),
        "train_loss": ("nats/token", "training loss since the last evaluation before the end"),
        "seed": ("", "seed of weights and order"),
        "seconds": ("s", "wall time on one CPU thread, other work beside it"),
    },
    recipe="recipes/lab_tables.py",
    notes="AdamW under muP (the rate is that of width 16), cosine to zero. One seed a cell. Runs "
    "that diverged are left out.",
)
