"""Curves and probes of the runs in grok_runs."""

from forescale.datasets import Dataset

COLUMNS = {
    "run": ("", "as in the table of the runs"),
    "step": ("steps", "optimizer steps taken"),
    "train_loss": ("nats", "mean training loss since the evaluation before"),
    "test_loss": ("nats", "held-out cross-entropy"),
    "test_accuracy": ("share", "held-out examples told right"),
    "train_accuracy": ("share", "of at most 512 training examples told right; they are what "
                       "probes are read on"),
    "margin": ("nats", "median of the right logit less the best wrong one"),
    "logit_scale": ("nats", "mean deviation of an example's logits from their mean"),
    "absorbed": ("share", "logits that the softmax's sum absorbs"),
    "weight_norm": ("1", "Euclidean norm of all parameters"),
    "gradient_norm": ("nats", "Euclidean norm of the gradient of the mean loss"),
    "naive_cosine": ("1", "cosine of the negative gradient with the weights"),
    "feature_rank": ("1", "effective rank of the last layer's features"),
    "feature_dimension": ("1", "intrinsic dimension of those features"),
    "collapse": ("1", "within-class over between-class variance of those features"),
    "kernel_alignment": ("1", "alignment of the tangent kernel with the labels"),
    "kernel_rank": ("1", "effective rank of the tangent kernel"),
    "coherence": ("1", "agreement of per-example gradients (m-coherence)"),
    "is_final": ("", "1 at the end of the run"),
}  # fmt: skip

DATASET = Dataset(
    name="grok_runs_curves",
    file="grok_runs_curves.csv.gz",
    what="Losses, accuracies and what probes read along training for every run of grok_runs, "
    "twelve points to a factor of ten in steps.",
    columns=COLUMNS,
    recipe="recipes/grok_runs.py",
    notes="Test accuracies are of all held-out examples of a small table, so a few hundred. What "
    "is not defined where the gradient vanishes (naive_cosine, coherence) is 0; losses "
    "below 1e-9 are written as that. Probes are given to three digits.",
)
