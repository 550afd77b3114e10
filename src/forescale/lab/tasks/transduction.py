"""A sequence rewritten by a rule: copied, reversed, its pairs swapped, or sorted.

The symbols and a mark that ends them are the source; the answer is told symbol by symbol. Symbols
are drawn alike and independently, so nothing in the answer can be told without the source.

Source: Grefenstette et al. 2015, "Learning to Transduce with Unbounded Memory", for copying,
reversing and swapping; Graves, Wayne & Danihelka 2014, "Neural Turing Machines", for sorting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.int64]
OPERATIONS = ("copy", "reverse", "swap", "sort")


def rewritten(symbols: Array, operation: str) -> Array:
    """The answers to rows of symbols, same shape.

    Args:
        symbols: Symbols, shape (n, length).
        operation: One of `OPERATIONS`; "swap" exchanges the two of each pair, and leaves a last
            one without a partner.

    Raises:
        BadOption: If there is no such operation.
    """
    if operation not in OPERATIONS:
        raise BadOption(f"no operation '{operation}'", fix=f"one of {', '.join(OPERATIONS)}")
    if operation == "sort":
        return np.sort(symbols, axis=1)
    order = np.arange(symbols.shape[1])
    if operation == "reverse":
        order = order[::-1]
    if operation == "swap":
        paired = len(order) // 2 * 2
        order[:paired] = order[:paired].reshape(-1, 2)[:, ::-1].ravel()
    return symbols[:, order]


def make(*, operation: str, length: int, symbols: int, validation: int) -> Data:
    """The sequences.

    Args:
        operation: One of `OPERATIONS`.
        length: Symbols of a source, and of its answer.
        symbols: Symbols there are; one more token ends the source.
        validation: Sequences that validate.

    Raises:
        BadOption: If there is no such operation, nothing to rewrite or no choice of symbols.
    """
    import torch

    if length < 1 or symbols < 2:
        raise BadOption(
            f"{length} places of {symbols} symbols", fix="give 1 place or more, 2 symbols or more"
        )

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        given = np.random.default_rng(seed).integers(0, symbols, (n, length))
        answer = rewritten(given, operation)
        tokens = np.concatenate([given, np.full((n, 1), symbols), answer[:, :-1]], axis=1)
        return torch.from_numpy(tokens), torch.from_numpy(answer)

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Tokens(vocab=symbols + 1, context=2 * length, source=length + 1),
        loss="cross_entropy",
        batch=batch,
        validation=draw(validation, [0]),
        per_example=2 * length,
        floor=0.0,
    )


TASK = Task(
    name="transduction",
    what="A sequence rewritten: copied, reversed, its pairs swapped, or sorted.",
    source="Grefenstette et al. 2015, Learning to Transduce with Unbounded Memory",
    make=make,
    settings={"operation": "reverse", "length": 12, "symbols": 16, "validation": 512},
    unit="tokens",
)
