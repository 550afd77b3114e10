"""Learning curves of one model under four learning-rate schedules."""

from forescale.datasets import Dataset

DATASET = Dataset(
    name="schedule_curves",
    file="schedule_curves.csv",
    what="Held-out loss along training of a byte GPT of width 32 under four schedules, three "
    "lengths and two seeds.",
    columns={
        "run": ("", "schedule, length and seed"),
        "schedule": ("", "cosine, linear, wsd (fall over the last fifth) or constant"),
        "params": ("params", "all parameters"),
        "total_steps": ("steps", "length of the run, which the schedule is stretched over"),
        "seed": ("", "seed of weights and order"),
        "step": ("steps", "optimizer steps taken"),
        "tokens": ("tokens", "bytes seen so far"),
        "lr": ("1", "learning rate of the step just taken"),
        "loss": ("nats/token", "held-out cross-entropy per byte, on every eighth window"),
        "train_loss": ("nats/token", "training loss since the evaluation before"),
    },
    recipe="recipes/lab_tables.py",
    notes="AdamW under muP, peak rate 0.016 at width 16, batches of 2048 bytes. A curve's points "
    "are measured on 64 windows, so neighbours share their error.",
)
