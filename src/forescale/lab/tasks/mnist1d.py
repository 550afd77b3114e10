"""Ten shapes on a line, moved, scaled, sheared and under correlated noise.

In the manner of MNIST-1D; the shapes are our own (fixed sums of slow waves), and so is the code,
so losses compare with each other and not with the paper's.

Source: Greydanus 2020, "Scaling Down Deep Learning".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set

if TYPE_CHECKING:
    from torch import Tensor

#: Classes, points of a shape, points of an input.
CLASSES, POINTS, LENGTH = 10, 64, 40
#: Shortest and longest part of the line that a shape takes.
SPAN = (0.35, 0.65)
#: Slow waves in a shape.
WAVES = 4
#: Width of the noise's correlation, in points of the input.
SMOOTH = 2.0


def shapes() -> NDArray[np.float64]:
    """The classes' shapes, zero at both ends and of standard deviation one, (10, 64)."""
    rng = np.random.default_rng(1)
    at = np.linspace(0.0, 1.0, POINTS)
    waves = np.sin(np.pi * at * np.arange(1, WAVES + 1)[:, None])
    found = rng.normal(size=(CLASSES, WAVES)) @ waves
    return np.asarray(found / found.std(axis=1, keepdims=True))


def examples_of(
    labels: NDArray[np.int64], noise: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """An input for each label, shape (n, 40)."""
    n = len(labels)
    span = rng.uniform(*SPAN, size=(n, 1))
    start = rng.uniform(size=(n, 1)) * (1.0 - span)
    at = (np.linspace(0.0, 1.0, LENGTH) - start) / span * (POINTS - 1)
    inside = (at >= 0) & (at <= POINTS - 1)
    low = np.clip(np.floor(at).astype(int), 0, POINTS - 2)
    table = shapes()[labels]
    left, right = (np.take_along_axis(table, low + k, axis=1) for k in (0, 1))
    clean = np.where(inside, left + (at - low) * (right - left), 0.0)
    clean = clean * rng.uniform(0.6, 1.4, size=(n, 1))
    slope = rng.uniform(-0.75, 0.75, size=(n, 1))
    white = rng.normal(size=(n, LENGTH))
    reach = np.arange(LENGTH)
    blur = np.exp(-0.5 * ((reach[:, None] - reach) / SMOOTH) ** 2)
    blur /= np.sqrt((blur**2).sum(axis=0))
    return np.asarray(clean + slope * np.linspace(-1.0, 1.0, LENGTH) + noise * white @ blur)


def make(*, noise: float, examples: int, validation: int) -> Data:
    """The shapes.

    Args:
        noise: Standard deviation of the correlated noise, against shapes of about one.
        examples: Training examples; 0 for a stream.
        validation: Examples that validate.
    """
    import torch

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, CLASSES, n)
        x = examples_of(labels, noise, rng)
        return torch.from_numpy(x).float(), torch.from_numpy(labels)

    def stream(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Vectors(inputs=LENGTH, outputs=CLASSES),
        loss="cross_entropy",
        batch=fixed_set(*draw(examples, [2])) if examples else stream,
        validation=draw(validation, [0]),
        unique=examples or None,
    )


TASK = Task(
    name="mnist1d",
    what="Ten shapes on a line, moved, scaled, sheared and noisy.",
    source="Greydanus 2020, Scaling Down Deep Learning",
    make=make,
    settings={"noise": 0.5, "examples": 4000, "validation": 1000},
)
