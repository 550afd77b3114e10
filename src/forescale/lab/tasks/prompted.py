"""Many tasks, each named by a prompt of a few words; those that validate were never trained on.

A task asks yes or no of the symbols after its prompt. Each word is a direction: it weighs every
symbol, and the answer is yes where the weights of all words of the prompt on all symbols sum to
more than zero. A new prompt can be answered by who has told the words apart. All sets of so many
words are tasks: some are kept apart to validate, of the others the first so many train, so that
fewer tasks are a subset of more.

Source: Xu et al. 2022, "ZeroPrompt: Scaling Prompt-Based Pretraining to 1,000 Tasks Improves
Zero-Shot Generalization", for the number of tasks as a scale; the tasks are ours.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.int64]


def weights(vocabulary: int, symbols: int) -> NDArray[np.float64]:
    """What each word thinks of each symbol, shape (vocabulary, symbols): normal numbers."""
    return np.random.default_rng(0).normal(size=(vocabulary, symbols))


def make(
    *,
    tasks: int,
    held: int,
    words: int,
    vocabulary: int,
    symbols: int,
    length: int,
    draw: int,
    validation: int,
) -> Data:
    """The prompted tasks.

    Args:
        tasks: Tasks that are trained on.
        held: Tasks that validate.
        words: Words of a prompt, all different.
        vocabulary: Words there are.
        symbols: Symbols there are.
        length: Symbols after a prompt.
        draw: Seed of which tasks train and which validate.
        validation: Examples that validate.

    Raises:
        BadOption: If there are not so many tasks, or no choice of symbols.
    """
    import torch

    if length < 1 or symbols < 2:
        raise BadOption(
            f"{length} places of {symbols} symbols", fix="give 1 place or more, 2 symbols or more"
        )
    there = math.comb(vocabulary, words) if 1 <= words <= vocabulary else 0
    if tasks < 1 or held < 1 or tasks + held > there:
        raise BadOption(
            f"{tasks} tasks and {held} held out, of the {there} that {words} of {vocabulary} "
            "words make",
            fix="give 1 or more of each, or a larger vocabulary",
        )
    prompts = np.array(list(combinations(range(vocabulary), words)))
    prompts = np.random.default_rng([draw, 1]).permutation(prompts)
    weight = weights(vocabulary, symbols)

    def examples(task: Array, seed: list[int]) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(seed)
        prompt = rng.permuted(prompts[task], axis=1)
        shown = rng.integers(0, symbols, (len(task), length))
        score = weight[prompt[:, :, None], shown[:, None, :]].sum((1, 2))
        tokens = np.concatenate([2 + symbols + prompt, 2 + shown], 1)
        return torch.from_numpy(tokens), torch.from_numpy((score > 0).astype(np.int64))

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        task = np.random.default_rng([2, seed, step]).integers(0, tasks, size)
        return examples(held + task, [1, seed, step])

    return Data(
        # No and yes, the symbols, the words.
        io=Tokens(vocab=2 + symbols + vocabulary, context=words + length, targets="last"),
        loss="cross_entropy",
        batch=batch,
        # Held-out tasks in turn, each as often.
        validation=examples(np.arange(validation) % held, [0, draw]),
        floor=0.0,
    )


TASK = Task(
    name="prompted",
    what="Many tasks named by prompts; the ones that validate were never trained on.",
    source="Xu et al. 2022, ZeroPrompt: Scaling Prompt-Based Pretraining to 1,000 Tasks Improves "
    "Zero-Shot Generalization",
    make=make,
    settings={
        "tasks": 64,
        "held": 128,
        "words": 2,
        "vocabulary": 32,
        "symbols": 12,
        "length": 4,
        "draw": 0,
        "validation": 2048,
    },
)
