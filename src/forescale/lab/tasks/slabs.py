"""Two classes that a straight cut tells apart, and that any of many harder cuts does too.

The first coordinate is linear: its sign is the class, but for a share of noise. Each other
coordinate falls into slabs of alternating class, symmetric about zero, and tells the class
without error on its own, though no straight cut of it does. Given the class, coordinates are
independent.

Source: Shah et al. 2020, "The Pitfalls of Simplicity Bias in Neural Networks" (LMS-k).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set

Array = NDArray[np.float64]
#: What is drawn anew, from the other examples, in the examples that judge.
RANDOMISED = ("none", "simple", "complex")
#: Gap between neighbouring slabs, in slab widths.
GAP = 1.0


def slab(rng: np.random.Generator, y: Array, slabs: int, shape: tuple[int, ...]) -> Array:
    """Coordinates in [-1, 1] that tell the class by their slab.

    Args:
        rng: Source of the draws.
        y: Classes, -1 or 1, broadcastable to `shape`.
        slabs: An odd number of slabs; the outermost and every second are of class -1.
        shape: Shape of the result.
    """
    sign = np.broadcast_to(y, shape)
    half = (slabs - 1) // 2
    # Class 1 has `half` slabs, all alike. Class -1 has one more; its outermost two count half,
    # so that neither class's coordinates lie further out on the whole.
    at = 2 * rng.integers(0, half, shape) + 1
    other = 2 * np.floor(rng.random(shape) * half + 0.5).astype(int)
    number = np.where(sign > 0, at, other)
    width = 2 / (slabs + GAP * (slabs - 1))
    return np.asarray(-1 + width * ((1 + GAP) * number + rng.random(shape)))


def draw(
    rng: np.random.Generator, n: int, *, dims: int, slabs: int, noise: float, simple: bool = True
) -> tuple[Array, NDArray[np.int64]]:
    """Examples of shape (n, dims), each coordinate of variance near one, and classes 0 and 1.

    Args:
        rng: Source of the draws.
        n: Examples.
        dims: Coordinates, the first of them the simple one.
        slabs: Slabs of the other coordinates, an odd number.
        noise: Share of examples whose simple coordinate says nothing.
        simple: Whether there is a simple coordinate; without, the first is like the others.
    """
    y = rng.choice([-1.0, 1.0], n)
    x = slab(rng, y[:, None], slabs, (n, dims))
    if simple:
        said = np.where(rng.random(n) < noise, rng.choice([-1.0, 1.0], n), y)
        # The margin is that of the slabs: half the gap on either side of zero.
        margin = GAP / (slabs + GAP * (slabs - 1))
        x[:, 0] = said * rng.uniform(margin, 1.0, n)
    return x * np.sqrt(3), (y > 0).astype(np.int64)


def randomised(rng: np.random.Generator, x: Array, which: str) -> Array:
    """Examples whose simple, or whose complex coordinates are those of other examples.

    Each coordinate keeps its distribution and loses what it says of the class.

    Args:
        rng: Source of the order.
        x: Examples, shape (n, dims).
        which: One of `RANDOMISED`.

    Raises:
        BadOption: If it is none of them.
    """
    if which not in RANDOMISED:
        raise BadOption(f"nothing is '{which}'", fix=f"one of {', '.join(RANDOMISED)}")
    new = x.copy()
    part = {"none": new[:, :0], "simple": new[:, :1], "complex": new[:, 1:]}[which]
    part[:] = part[rng.permutation(len(x))]
    return new


def make(
    *, dims: int, slabs: int, noise: float, examples: int, validation: int, judged: str
) -> Data:
    """The slabs.

    Args:
        dims: Coordinates.
        slabs: Slabs of every coordinate but the first, an odd number.
        noise: Share of examples whose simple coordinate says nothing.
        examples: Training examples.
        validation: Examples that validate.
        judged: What is randomised in those: "none", "simple" or "complex".

    Raises:
        BadOption: If slabs cannot be so many, or there is nothing but the simple coordinate.
    """
    import torch

    if slabs < 3 or slabs % 2 == 0 or dims < 2 or not 0 <= noise < 1:
        raise BadOption(
            f"{slabs} slabs in {dims} coordinates with noise {noise:g}",
            fix="give an odd number of slabs from 3, 2 coordinates or more, noise from 0 to 1",
        )
    rng = np.random.default_rng([0, dims, slabs])
    x, y = draw(rng, examples + validation, dims=dims, slabs=slabs, noise=noise)
    x[examples:] = randomised(rng, x[examples:], judged)
    inputs, targets = torch.from_numpy(x).float(), torch.from_numpy(y)
    return Data(
        io=Vectors(inputs=dims, outputs=2),
        loss="cross_entropy",
        batch=fixed_set(inputs[:examples], targets[:examples]),
        validation=(inputs[examples:], targets[examples:]),
        unique=examples,
        floor=0.0,
    )


TASK = Task(
    name="slabs",
    what="Two classes told apart by one simple coordinate, or by any of many complex ones.",
    source="Shah et al. 2020, The Pitfalls of Simplicity Bias in Neural Networks",
    make=make,
    settings={
        "dims": 20,
        "slabs": 5,
        "noise": 0.0,
        "examples": 8192,
        "validation": 1024,
        "judged": "none",
    },
)
