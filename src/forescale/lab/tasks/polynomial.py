"""Regression on the square of a hidden linear map of Gaussian inputs.

Networks that stay near their start fit the shown examples as a kernel would and know little of
others; those that learn the hidden direction generalise, soon or late.

Source: Kumar et al. 2023, "Grokking as the Transition from Lazy to Rich Training Dynamics".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set

Array = NDArray[np.float64]


def draw(rng: np.random.Generator, n: int, direction: Array) -> tuple[Array, Array]:
    """Inputs of variance 1/inputs, shape (n, inputs), and targets (direction . x)^2 / 2."""
    inputs = len(direction)
    x = rng.normal(size=(n, inputs)) / np.sqrt(inputs)
    return x, 0.5 * (x @ direction) ** 2


def make(*, inputs: int, examples: int, validation: int) -> Data:
    """Examples of a hidden square.

    Args:
        inputs: Dimensions.
        examples: Training examples.
        validation: Examples that validate.
    """
    import torch

    rng = np.random.default_rng([0, 2310, inputs])
    direction = rng.normal(size=inputs)
    shown, held = draw(rng, examples, direction), draw(rng, validation, direction)
    x, y, x_held, y_held = (torch.from_numpy(a).float() for a in (*shown, *held))
    return Data(
        io=Vectors(inputs=inputs, outputs=1),
        loss="mse",
        batch=fixed_set(x, y[:, None]),
        validation=(x_held, y_held[:, None]),
        unique=examples,
        floor=0.0,
    )


TASK = Task(
    name="polynomial",
    what="Regression on the square of a hidden linear map.",
    source="Kumar et al. 2023, Grokking as the Transition from Lazy to Rich Training Dynamics",
    make=make,
    settings={"inputs": 100, "examples": 450, "validation": 1000},
)
