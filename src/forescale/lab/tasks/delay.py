"""Say again the token of so many places ago.

Tokens are drawn alike and independently, so that nothing but memory tells the answer. Where
there is no such token yet the answer is one that is never drawn.

Source: Arjovsky, Shah & Bengio 2016, "Unitary Evolution Recurrent Neural Networks", for copying
over a long delay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task

if TYPE_CHECKING:
    from torch import Tensor


def make(*, delay: int, vocab: int, context: int, validation: int) -> Data:
    """The sequences.

    Args:
        delay: Places between a token and its repetition.
        vocab: Tokens that are drawn; one more stands for none.
        context: Tokens in a sequence.
        validation: Sequences that validate.

    Raises:
        BadOption: If no token is to be repeated, or there is no choice of tokens.
    """
    import torch

    if not 1 <= delay < context or vocab < 2:
        raise BadOption(
            f"delay {delay} in {context} places, {vocab} tokens",
            fix="give a delay of 1 or more, a longer context, and 2 tokens or more",
        )

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        tokens = np.random.default_rng(seed).integers(0, vocab, (n, context))
        asked = np.full((n, context), vocab)
        asked[:, delay:] = tokens[:, :-delay]
        return torch.from_numpy(tokens), torch.from_numpy(asked)

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Tokens(vocab=vocab + 1, context=context),
        loss="cross_entropy",
        batch=batch,
        validation=draw(validation, [0]),
        per_example=context,
        floor=0.0,
    )


TASK = Task(
    name="delay",
    what="Say again the token of so many places ago.",
    source="Arjovsky, Shah & Bengio 2016, Unitary Evolution Recurrent Neural Networks",
    make=make,
    settings={"delay": 16, "vocab": 8, "context": 64, "validation": 256},
    unit="tokens",
)
