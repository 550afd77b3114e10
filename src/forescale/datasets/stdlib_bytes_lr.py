"""Peak learning rates at three sizes and at three budgets."""

from forescale.datasets import Dataset
from forescale.datasets.stdlib_bytes import COLUMNS

DATASET = Dataset(
    name="stdlib_bytes_lr",
    file="stdlib_bytes_lr.csv",
    what="Loss against peak learning rate for byte GPTs of three sizes, and for the smallest "
    "at three data budgets.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="TODO",
)
