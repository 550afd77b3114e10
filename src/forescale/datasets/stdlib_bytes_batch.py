"""Learning rate by batch size at one number of bytes."""

from forescale.datasets import Dataset
from forescale.datasets.stdlib_bytes import COLUMNS

DATASET = Dataset(
    name="stdlib_bytes_batch",
    file="stdlib_bytes_batch.csv",
    what="Loss of a byte GPT of width 32 after 2^19 bytes against peak learning rate and batch.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="AdamW under muP (the rate is that of width 16), cosine to zero, as many steps as the "
    "bytes allow: a batch of 64 windows takes 64 steps, one of 2 takes 2048. One seed a cell. At "
    "so few bytes every doubling of the batch costs 2 to 8 %.",
)
