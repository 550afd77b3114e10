"""Learning rate by batch size at one number of bytes."""

from forescale.datasets import Dataset
from forescale.datasets.stdlib_bytes import COLUMNS

DATASET = Dataset(
    name="stdlib_bytes_batch",
    file="stdlib_bytes_batch.csv",
    what="Loss of a byte GPT of width 32 after 2^19 bytes against peak learning rate and batch.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="TODO",
)
