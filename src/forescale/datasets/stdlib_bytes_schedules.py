"""Learning curves of one model under four learning-rate schedules."""

from forescale.datasets import Dataset
from forescale.datasets.stdlib_bytes_curves import COLUMNS

DATASET = Dataset(
    name="stdlib_bytes_schedules",
    file="stdlib_bytes_schedules.csv.gz",
    what="Held-out loss along training of a byte GPT of width 48 under four schedules, three "
    "lengths and two seeds.",
    columns=COLUMNS,
    recipe="recipes/stdlib_bytes.py",
    notes="TODO",
)
