"""Generated signals: chance plateau, power law and a known floor in one curve."""

from forescale.datasets import Dataset
from forescale.datasets.digits_mlp import COLUMNS

DATASET = Dataset(
    name="teacher_curves",
    file="teacher_curves.csv",
    what="Held-out loss and error on a ten-class signal generator with a tenth of all labels "
    "moved, against 8 to 32768 training examples, for an MLP and a small CNN of two widths "
    "each, three seeds.",
    columns=COLUMNS,
    recipe="recipes/data_curves.py",
    notes="The moved labels alone put the error at 0.1 and the loss at 0.5448 nats "
    "(-0.9 ln 0.9 - 0.1 ln(0.1/9)); the noise of the signals and what a network of this size "
    "cannot say add to it, so each curve has a floor of its own (0.72 to 0.90 at the end). "
    "Chance is 0.9 and ln 10 = 2.3026. The held-out labels carry the same noise.",
)
