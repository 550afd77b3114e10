"""Pairs of key and value, then a key: what was its value?

Keys of a sequence differ, values are drawn afresh for each, so nothing can be learnt but to
look back: what induction heads do.

Source: Ba et al. 2016, "Using Fast Weights to Attend to the Recent Past", for the task; Olsson
et al. 2022, "In-context Learning and Induction Heads".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task

if TYPE_CHECKING:
    from torch import Tensor


def make(*, pairs: int, keys: int, values: int, validation: int) -> Data:
    """The pairs.

    Args:
        pairs: Pairs in a sequence.
        keys: Tokens that can be keys.
        values: Tokens that can be values, others than the keys.
        validation: Sequences that validate.

    Raises:
        BadOption: If there are fewer keys than pairs.
    """
    import torch

    if not 1 <= pairs <= keys or values < 2:
        raise BadOption(
            f"{pairs} pairs of {keys} keys and {values} values",
            fix="give 1 pair or more, as many keys, and 2 values or more",
        )

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(seed)
        # The first so many of a random order: keys without repetition.
        shown = rng.random((n, keys)).argsort(axis=1)[:, :pairs]
        answer = rng.integers(0, values, (n, pairs))
        asked = rng.integers(0, pairs, (n, 1))
        tokens = np.empty((n, 2 * pairs + 1), np.int64)
        tokens[:, 0:-1:2] = shown
        tokens[:, 1:-1:2] = keys + answer
        tokens[:, -1:] = np.take_along_axis(shown, asked, axis=1)
        target = keys + np.take_along_axis(answer, asked, axis=1)[:, 0]
        return torch.from_numpy(tokens), torch.from_numpy(target)

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Tokens(vocab=keys + values, context=2 * pairs + 1, targets="last"),
        loss="cross_entropy",
        batch=batch,
        validation=draw(validation, [0]),
        floor=0.0,
    )


TASK = Task(
    name="recall",
    what="Pairs of key and value, then a key: tell its value.",
    source="Olsson et al. 2022, In-context Learning and Induction Heads",
    make=make,
    settings={"pairs": 8, "keys": 16, "values": 16, "validation": 1024},
)
