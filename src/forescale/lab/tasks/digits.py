"""Ten handwritten digits as 8 x 8 images: real data that come with a library.

The split is fixed; a smaller `examples` takes the first so many of one order, so that small
sets lie inside large ones.

Source: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning
Repository, as shipped by scikit-learn.
"""

from __future__ import annotations

import numpy as np

from forescale.errors import BadOption, MissingExtra
from forescale.lab._io import Images
from forescale.lab.tasks._contract import Data, Task, fixed_set

#: Examples that validate.
HELD = 360
#: The pixels' largest value; their mean and standard deviation after division by it.
WHITE, MEAN, STD = 16.0, 0.305, 0.376


def make(*, examples: int) -> Data:
    """The digits.

    Args:
        examples: Training examples; 0 for all that do not validate.

    Raises:
        BadOption: If there are not so many.
        MissingExtra: If scikit-learn is not installed.
    """
    import torch

    try:
        from sklearn.datasets import load_digits
    except ModuleNotFoundError:
        raise MissingExtra(
            "task 'digits' reads scikit-learn's data, which is not installed",
            fix="pip install 'forescale[lab]'",
        ) from None
    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    pixels = torch.from_numpy(found.data[order]).float().view(-1, 1, 8, 8)
    x = (pixels / WHITE - MEAN) / STD
    y = torch.from_numpy(found.target[order]).long()
    n = examples or len(x) - HELD
    if not 1 <= n <= len(x) - HELD:
        raise BadOption(f"there are no {n} examples", fix=f"at most {len(x) - HELD}")
    return Data(
        io=Images(channels=1, side=8, outputs=10),
        loss="cross_entropy",
        batch=fixed_set(x[HELD : HELD + n], y[HELD : HELD + n]),
        validation=(x[:HELD], y[:HELD]),
        unique=n,
    )


TASK = Task(
    name="digits",
    what="Ten handwritten digits, 8 x 8.",
    source="Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits (scikit-learn)",
    make=make,
    settings={"examples": 0},
)
