"""Two tasks in one model: loss on each against size and share of the data."""

from forescale.datasets import Dataset

DATASET = Dataset(
    name="two_task_mixture",
    file="two_task_mixture.csv",
    what="Byte GPTs of four sizes on mixtures of Python and C++ source, five shares: "
    "held-out loss on each.",
    columns={
        "run": ("", "width and share of Python; two rows a run, one for each task"),
        "params": ("params", "all parameters"),
        "params_nonembed": ("params", "parameters without the 256-row embedding"),
        "tokens": ("tokens", "bytes seen in training, of both tasks together"),
        "p_task": ("1", "share of this row's task in the training windows"),
        "task": ("", "python or cpp: what the loss was measured on"),
        "loss": ("nats/token", "held-out cross-entropy per byte of this task"),
        "lr_peak": ("1", "peak learning rate of AdamW"),
        "seed": ("", "seed of the initial weights, the mixture and the order of the data"),
        "seconds": ("s", "wall time of the run on one CPU thread"),
    },
    recipe="recipes/two_task_mixture.py",
)
