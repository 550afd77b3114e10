"""The next value of a generated series, told as one of some bins.

A series is a trend, two waves and noise that remembers; each window is centred and scaled by
what is seen of it. The other family, which a model may be judged on and never trains on, has
sawteeth for waves, faster ones, and jumps for noise.

Source: Yao et al. 2024, "Towards Neural Scaling Laws for Time Series Foundation Models", for the
judgement inside and outside the training distribution; Ansari et al. 2024, "Chronos", for the
bins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import IGNORED, Tokens
from forescale.lab.tasks._contract import Data, Task

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]

#: Scaled values at which the outermost bins begin.
REACH = 3.0
#: Shortest and longest period, and the noise's memory.
PERIODS, MEMORY = (5.0, 40.0), 0.6
#: The same periods for the other family, and the chance of a jump.
FASTER, JUMP = (3.0, 12.0), 0.1


def values(n: int, length: int, other: bool, rng: np.random.Generator) -> Array:
    """Series of the training family, or of the other, shape (n, length)."""
    at = np.arange(length)
    low, high = np.log(FASTER if other else PERIODS)
    phase = at / np.exp(rng.uniform(low, high, (2, n, 1))) + rng.random((2, n, 1))
    waves = 2.0 * (phase % 1.0) - 1.0 if other else np.sin(2 * np.pi * phase)
    found = (rng.normal(size=(2, n, 1)) * waves).sum(0) + rng.normal(size=(n, 1)) * at / length
    noise = 0.2 * rng.normal(size=(n, length))
    if other:
        return np.asarray(found + np.cumsum(3.0 * noise * (rng.random(noise.shape) < JUMP), 1))
    for t in range(1, length):
        noise[:, t] += MEMORY * noise[:, t - 1]
    return np.asarray(found + noise)


def make(*, bins: int, context: int, judged: str, every: bool, validation: int) -> Data:
    """The series.

    Args:
        bins: Bins of a value.
        context: Values seen.
        judged: Family that validates: "same" as is trained on, or the "other".
        every: Train on the next value of every place, which needs a causal model; the last
            place's alone validates either way.
        validation: Series that validate.

    Raises:
        BadOption: If there is no such family, or too few bins or places.
    """
    import torch

    if judged not in {"same", "other"}:
        raise BadOption(f"no family '{judged}'", fix="same or other")
    if bins < 2 or context < 2:
        raise BadOption(f"{bins} bins, {context} values", fix="give 2 or more of each")
    edges = np.linspace(-REACH, REACH, bins - 1)

    def draw(n: int, seed: list[int], other: bool) -> tuple[Tensor, Tensor]:
        found = values(n, context + 1, other, np.random.default_rng(seed))
        seen = found[:, :-1]
        scale = seen.std(axis=1, keepdims=True) + 1e-6
        tokens = np.digitize((found - seen.mean(axis=1, keepdims=True)) / scale, edges)
        return torch.from_numpy(tokens[:, :-1].copy()), torch.from_numpy(tokens[:, 1:].copy())

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        x, y = draw(size, [1, seed, step], False)
        return x, y if every else y[:, -1]

    x, y = draw(validation, [0], judged == "other")
    if every:
        y[:, :-1] = IGNORED
    return Data(
        io=Tokens(vocab=bins, context=context, targets="all" if every else "last"),
        loss="cross_entropy",
        batch=batch,
        validation=(x, y if every else y[:, -1]),
        per_example=context if every else 1,
    )


TASK = Task(
    name="series",
    what="The next value of a generated series, told as one of some bins.",
    source="Yao et al. 2024, Towards Neural Scaling Laws for Time Series Foundation Models",
    make=make,
    settings={"bins": 32, "context": 32, "judged": "same", "every": False, "validation": 1024},
)
