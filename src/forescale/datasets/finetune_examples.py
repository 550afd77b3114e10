"""Fine-tuning: loss against the number of examples, from zero."""

from forescale.datasets import Dataset

DATASET = Dataset(
    name="finetune_examples",
    file="finetune_examples.csv",
    what="A byte GPT trained on Python source is fine-tuned on n windows of C++ source: "
    "held-out C++ loss against n from 0 to 2048.",
    columns={
        "run": ("", "examples and seed"),
        "params": ("params", "all parameters of the model"),
        "pretrain_tokens": ("tokens", "bytes of Python seen in pretraining"),
        "examples": ("examples", "windows of 128 bytes to fine-tune on; 0 is no fine-tuning"),
        "steps": ("steps", "fine-tuning steps, had the run not been stopped early"),
        "loss": ("nats/token", "held-out cross-entropy per byte of C++"),
        "seed": ("", "seed of the choice and the order of the examples"),
        "seconds": ("s", "wall time of the run on one CPU thread"),
    },
    recipe="recipes/finetune_examples.py",
    notes="One pretrained model, so seeds say how much the choice of examples matters, not "
    "the pretraining. Early stopping is cross-fitted between the two halves of the held-out "
    "windows. Runs take 256 steps up to 512 examples and eight passes above; with fewer (two "
    "passes) the steps and not the examples bound the loss from 512 examples on. The model was a "
    "GPT of width 56 with three blocks and a tied embedding; the recipe now trains the lab's own "
    "of width 48, so making the table anew gives other numbers.",
)
