"""Regression on a linear teacher whose spectrum is chosen.

Inputs are Gaussian with variances i^-(1 + alpha), the teacher's weights are Gaussian, and the
targets have variance one before noise. The exponent of the spectrum sets that of learning.

Source: Bahri et al. 2021, "Explaining Neural Scaling Laws".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set

if TYPE_CHECKING:
    from torch import Tensor


def make(*, inputs: int, alpha: float, noise: float, examples: int, validation: int) -> Data:
    """Examples of the teacher.

    Args:
        inputs: Dimensions.
        alpha: Input variances fall as i^-(1 + alpha).
        noise: Standard deviation of the training targets' noise; validation has none.
        examples: Training examples; 0 for a stream.
        validation: Examples that validate.
    """
    import torch

    spectrum = np.arange(1, inputs + 1) ** (-0.5 * (1.0 + alpha))
    teacher = np.random.default_rng([0, inputs]).normal(size=inputs)
    teacher /= np.sqrt(((spectrum * teacher) ** 2).sum())

    def draw(n: int, seed: list[int], error: float) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(n, inputs)) * spectrum
        y = x @ teacher + error * rng.normal(size=n)
        return torch.from_numpy(x).float(), torch.from_numpy(y).float()[:, None]

    def stream(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step], noise)

    return Data(
        io=Vectors(inputs=inputs, outputs=1),
        loss="mse",
        batch=fixed_set(*draw(examples, [2], noise)) if examples else stream,
        validation=draw(validation, [0], 0.0),
        unique=examples or None,
        floor=0.0,
    )


TASK = Task(
    name="teacher",
    what="Regression on a linear teacher, inputs with a power-law spectrum.",
    source="Bahri et al. 2021, Explaining Neural Scaling Laws",
    make=make,
    settings={"inputs": 64, "alpha": 1.0, "noise": 0.0, "examples": 0, "validation": 2048},
)
