"""Next token of a hidden order: a Markov source whose entropy rate is known exactly.

Each state is the last `order` tokens; the next token is drawn from a Zipf distribution whose
ranking of tokens is the state's own. The entropy rate is then that of the Zipf distribution,
and a model's loss minus it is its Kullback-Leibler divergence from the truth.

Source: Henighan et al. 2020, "Scaling Laws for Autoregressive Generative Modeling", for the
reading of the irreducible loss as an entropy.
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

#: States beyond which the table of rankings would not fit.
MOST_STATES = 1 << 20


def probabilities(vocab: int, zipf: float) -> NDArray[np.float64]:
    """Probability of the r-th ranked token, shape (vocab,)."""
    p = np.arange(1, vocab + 1) ** -zipf
    return np.asarray(p / p.sum())


def sequences(
    table: NDArray[np.int64], chances: NDArray[np.float64], n: int, length: int, seed: list[int]
) -> NDArray[np.int64]:
    """`n` sequences of the source, shape (n, length).

    Args:
        table: Token of each rank in each state, shape (states, vocab).
        chances: Probability of each rank, shape (vocab,).
        n: Sequences.
        length: Tokens in each.
        seed: Seed of the draw.
    """
    rng = np.random.default_rng(seed)
    states, vocab = table.shape
    state = rng.integers(0, states, n)
    # Ranks do not depend on the state, so all are drawn at once.
    ranks = np.searchsorted(np.cumsum(chances)[:-1], rng.random((length, n)), side="right")
    out = np.empty((length, n), np.int64)
    for t in range(length):
        out[t] = table[state, ranks[t]]
        state = (state * vocab + out[t]) % states
    return out.T


def make(*, vocab: int, order: int, zipf: float, context: int, validation: int) -> Data:
    """The source with its rankings drawn once.

    Args:
        vocab: Number of tokens.
        order: Tokens of the past that decide the distribution of the next.
        zipf: Exponent of the distribution.
        context: Tokens in a sequence.
        validation: Sequences that validate.

    Raises:
        BadOption: If there would be too many states.
    """
    import torch

    states = vocab**order
    if not 1 <= states <= MOST_STATES or vocab < 2:
        raise BadOption(
            f"vocab {vocab} and order {order} make {states} states", fix=f"at most {MOST_STATES}"
        )
    table = np.random.default_rng(0).permuted(np.tile(np.arange(vocab), (states, 1)), axis=1)
    chances = probabilities(vocab, zipf)

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        # The past of the first targets is given, so that every target has its whole state.
        tokens = torch.from_numpy(sequences(table, chances, n, context + order, seed).copy())
        return tokens[:, : context + order - 1], tokens[:, 1:]

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Tokens(vocab=vocab, context=context + order - 1),
        loss="cross_entropy",
        batch=batch,
        validation=draw(validation, [0]),
        per_example=context + order - 1,
        floor=float(-(chances * np.log(chances)).sum()),
    )


TASK = Task(
    name="markov_bytes",
    what="Next token of a Markov source whose entropy rate is known.",
    source="Henighan et al. 2020, Scaling Laws for Autoregressive Generative Modeling",
    make=make,
    settings={"vocab": 32, "order": 2, "zipf": 1.2, "context": 64, "validation": 512},
    unit="tokens",
)
