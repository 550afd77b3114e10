"""Four noisy clusters whose classes are an exclusive or, some training labels flipped.

The centres of one class lie opposite each other, at right angles to those of the other, so no
linear rule does better than chance. In many dimensions the noise of each example is a direction
of its own: a network may fit every label, flipped ones too, long before it knows the centres.

Source: Xu et al. 2023, "Benign Overfitting and Grokking in ReLU Networks for XOR Cluster Data".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set


def draw(
    rng: np.random.Generator, n: int, inputs: int, norm: float
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Examples, shape (n, inputs), and their classes, 0 or 1, shape (n,).

    The centres lie on the first two axes: standard Gaussian noise has no directions of its own.
    All four clusters are as large as each other, to one example.

    Args:
        rng: Source of everything random.
        n: Examples.
        inputs: Dimensions, two or more.
        norm: Length of each centre; the noise has standard deviation one along every axis.
    """
    side, y = np.divmod(rng.permutation(n) % 4, 2)
    x = rng.standard_normal((n, inputs), dtype=np.float32)
    x[np.arange(n), y] += np.float32(norm) * (2 * side - 1)
    return x, y


def make(*, inputs: int, norm: float, flipped: float, examples: int, validation: int) -> Data:
    """The clusters.

    Args:
        inputs: Dimensions.
        norm: Length of the centres, in standard deviations of the noise along one axis.
        flipped: Share of the training labels that are wrong; validation has none.
        examples: Training examples.
        validation: Examples that validate.

    Raises:
        BadOption: If there is no plane to put the centres in, or the share is none.
    """
    import torch

    if inputs < 2:
        raise BadOption(f"inputs is {inputs}", fix="give 2 or more: the centres span a plane")
    if not 0 <= flipped <= 1:
        raise BadOption(f"flipped is {flipped:g}", fix="give a share between 0 and 1")
    rng = np.random.default_rng([0, 2310])
    x, y = draw(rng, examples, inputs, norm)
    y[rng.permutation(examples)[: round(flipped * examples)]] ^= 1
    held = draw(rng, validation, inputs, norm)
    return Data(
        io=Vectors(inputs=inputs, outputs=2),
        loss="cross_entropy",
        batch=fixed_set(torch.from_numpy(x), torch.from_numpy(y)),
        validation=(torch.from_numpy(held[0]), torch.from_numpy(held[1])),
        unique=examples,
        floor=0.0,
    )


TASK = Task(
    name="xor_clusters",
    what="Four clusters in many dimensions whose classes are an exclusive or, labels flipped.",
    source="Xu et al. 2023, Benign Overfitting and Grokking in ReLU Networks for XOR Cluster Data",
    make=make,
    settings={
        "inputs": 10_000,
        "norm": 25.0,
        "flipped": 0.1,
        "examples": 100,
        "validation": 400,
    },
)
