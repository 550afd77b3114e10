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
    notes="AdamW under muP at 0.03, batches of 1024 bytes, warm-up over the first twentieth; wsd "
    "falls over the last fifth. Points are measured on 32 768 held-out bytes, the same for all "
    "runs. A rate that stays ends 7 to 17 % higher; the three that fall are within 2 % of each "
    "other, about what seeds differ by. The cosine's runs are also in stdlib_bytes.",
)
