"""Parities of hidden bits, many at once, their frequencies falling as a power law.

An input names a subtask (one-hot) and shows bits; the target is the parity of the few bits that
belong to the subtask. A subtask is learnt all at once or not at all: its loss is ln 2, then 0.
The loss after the n most frequent are learnt is therefore known (`quanta`).

Source: Michaud et al. 2023, "The Quantization Model of Neural Scaling".
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Vectors
from forescale.lab.tasks._contract import Data, Task, fixed_set

if TYPE_CHECKING:
    from torch import Tensor


def frequencies(subtasks: int, alpha: float) -> NDArray[np.float64]:
    """Share of each subtask, i^-(1 + alpha) before normalisation, shape (subtasks,)."""
    p = np.arange(1.0, subtasks + 1.0) ** -(1.0 + alpha)
    return np.asarray(p / p.sum())


def quanta(subtasks: int, alpha: float) -> NDArray[np.float64]:
    """Loss after 0, 1, ... of the most frequent subtasks are learnt, shape (subtasks + 1,)."""
    learnt = np.concatenate([[0.0], np.cumsum(frequencies(subtasks, alpha))])
    return np.asarray(math.log(2.0) * np.maximum(1.0 - learnt, 0.0))


def members(subtasks: int, bits: int, k: int) -> NDArray[np.int64]:
    """Bits that belong to each subtask, shape (subtasks, k), no two subtasks the same."""
    rng = np.random.default_rng([0, subtasks, bits, k])
    found: dict[tuple[int, ...], None] = {}
    while len(found) < subtasks:
        found[tuple(sorted(rng.choice(bits, k, replace=False).tolist()))] = None
    return np.array(list(found))


def make(*, subtasks: int, bits: int, k: int, alpha: float, examples: int, validation: int) -> Data:
    """The parities.

    Args:
        subtasks: How many.
        bits: Bits shown.
        k: Bits of each parity.
        alpha: Frequencies fall as i^-(1 + alpha).
        examples: Training examples; 0 for a stream.
        validation: Examples that validate, in the same frequencies.

    Raises:
        BadOption: If there are not so many different parities.
    """
    import torch

    if not 1 <= k <= bits or math.comb(bits, k) < subtasks:
        raise BadOption(
            f"{bits} bits have no {subtasks} different parities of {k}", fix="use more bits"
        )
    belongs, edges = members(subtasks, bits, k), np.cumsum(frequencies(subtasks, alpha))[:-1]

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(seed)
        which = np.searchsorted(edges, rng.random(n), side="right")
        shown = rng.integers(0, 2, (n, bits))
        x = torch.zeros(n, subtasks + bits)
        x[torch.arange(n), torch.from_numpy(which)] = 1.0
        x[:, subtasks:] = torch.from_numpy(shown)
        parity = np.take_along_axis(shown, belongs[which], axis=1).sum(axis=1) % 2
        return x, torch.from_numpy(parity)

    def stream(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Vectors(inputs=subtasks + bits, outputs=2),
        loss="cross_entropy",
        batch=fixed_set(*draw(examples, [2])) if examples else stream,
        validation=draw(validation, [0]),
        unique=examples or None,
        floor=0.0,
    )


TASK = Task(
    name="sparse_parity",
    what="Many parities of hidden bits, their frequencies a power law.",
    source="Michaud et al. 2023, The Quantization Model of Neural Scaling",
    make=make,
    settings={
        "subtasks": 32,
        "bits": 32,
        "k": 3,
        "alpha": 0.4,
        "examples": 0,
        "validation": 4096,
    },
)
