"""Handwritten digits: loss against the number of examples, two architectures."""

from forescale.datasets import Dataset

COLUMNS = {
    "run": ("", "architecture, width, examples and seed"),
    "arch": ("", "mlp: two hidden layers; cnn: two convolutions and a pooling"),
    "width": ("1", "hidden units (mlp) or channels of the first convolution (cnn)"),
    "params": ("params", "all parameters"),
    "examples": ("examples", "training examples"),
    "epochs": ("1", "passes over the examples, had the run not been stopped early"),
    "loss": ("nats/token", "held-out cross-entropy per example, in nats"),
    "error": ("1", "held-out share of wrong labels"),
    "seed": ("", "seed of the split, of the initial weights and of the batches"),
    "seconds": ("s", "wall time of the run on one CPU thread"),
}

DATASET = Dataset(
    name="digits_mlp",
    file="digits_mlp.csv",
    what="Held-out loss and error on scikit-learn's 8x8 digits against 10 to 1280 training "
    "examples, for an MLP and a small CNN of two widths each, five seeds.",
    columns=COLUMNS,
    recipe="recipes/data_curves.py",
    notes="Early stopping is cross-fitted: each half of the 400 held-out images chooses the "
    "step at which the other half is measured. Networks start at exactly chance (ln 10).",
)
