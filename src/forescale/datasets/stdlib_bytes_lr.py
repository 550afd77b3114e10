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
    notes="AdamW under muP, cosine to zero: the rate is that of width 16, so one rate should serve "
    "every width, and does: 0.032 is the best of those tried at widths 16, 48 and 128 alike, and "
    "at 512, 2048 and 8192 steps. stdlib_bytes uses 0.03. A rate four times too low costs 3 to "
    "6 %, eight times 5 to 14 %. One seed a row.",
)
