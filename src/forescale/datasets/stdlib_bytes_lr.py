"""Peak learning rates: the sweep from which stdlib_bytes took its rule."""

from forescale.datasets import Dataset
from forescale.datasets.stdlib_bytes import COLUMNS

DATASET = Dataset(
    name="stdlib_bytes_lr",
    file="stdlib_bytes_lr.csv",
    what="Loss against peak learning rate for byte GPTs of three sizes, and for the smallest "
    "at two data budgets.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="The best rate falls with the width to the power -1.2 or so and with the data to "
    "the power -0.25 or so; stdlib_bytes uses 8.5e-3 (width/56)^-1.2 (tokens/2^20)^-0.25. "
    "One seed a row, and seeds differ: at width 56 and rate 8e-3 another seed reached 1.676 "
    "where this table has 1.731.",
)
