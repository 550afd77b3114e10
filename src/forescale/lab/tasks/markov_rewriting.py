"""One step of a Markov algorithm: a rule and a string, rewritten where the rule first applies.

A sequence is the rule (a pattern and what replaces it, a symbol each), the string, a mark, and
the string after the rule's first match is replaced. Few rules can be learnt one by one; rules
that were never trained on validate.

Source: Zhang et al. 2024, "Only-IF: Revealing the Decisive Effect of Instruction Diversity on
Generalization", whose patterns are longer strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task, fixed_set

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.int64]
#: Share of all rules that is never trained on.
HELD = 0.2
JUDGED = ("unseen", "seen")


def rules(symbols: int) -> tuple[Array, Array]:
    """All rules in a fixed random order: those to train on, and those held; shapes (n, 2)."""
    pairs = np.array([(a, b) for a in range(symbols) for b in range(symbols) if a != b])
    pairs = pairs[np.random.default_rng([0, symbols]).permutation(len(pairs))]
    held = max(1, round(HELD * len(pairs)))
    return pairs[held:], pairs[:held]


def applied(strings: Array, rule: Array) -> Array:
    """Strings whose first match of the pattern is replaced, shape (n, length).

    Args:
        strings: Symbols, shape (n, length); one without a match is returned as it is.
        rule: Pattern and replacement of each string, shape (n, 2).
    """
    match = strings == rule[:, :1]
    first = match & (match.cumsum(axis=1) == 1)
    return np.where(first, rule[:, 1:], strings)


def draw(rng: np.random.Generator, n: int, allowed: Array, symbols: int, length: int) -> Array:
    """Rules and strings that each have a match, shape (n, 2 + length)."""
    rule = allowed[rng.integers(0, len(allowed), n)]
    strings = rng.integers(0, symbols, (n, length))
    at = rng.integers(0, length, n)
    strings[np.arange(n), at] = rule[:, 0]
    return np.concatenate([rule, strings], axis=1)


def make(
    *, symbols: int, length: int, rules_shown: int, examples: int, validation: int, judged: str
) -> Data:
    """The rewritings.

    Args:
        symbols: Symbols of strings and rules; one more token marks the answer.
        length: Symbols of a string.
        rules_shown: Rules trained on; 0 for all that are not held.
        examples: Training examples, over all rules together; 0 for a stream.
        validation: Sequences that validate, none of them trained on.
        judged: Whether they have rules "unseen" in training or "seen".

    Raises:
        BadOption: If there are not so many rules, or nothing is so judged.
    """
    import torch

    if judged not in JUDGED:
        raise BadOption(f"judged is '{judged}'", fix=f"one of {', '.join(JUDGED)}")
    if symbols < 3 or length < 1:
        raise BadOption(f"strings of {length} of {symbols} symbols", fix="give 3 symbols or more")
    trained, held = rules(symbols)
    if not 0 <= rules_shown <= len(trained):
        raise BadOption(
            f"rules_shown is {rules_shown}", fix=f"{symbols} symbols have {len(trained)} to show"
        )
    shown = trained[: rules_shown or len(trained)]

    def tensors(given: Array) -> tuple[Tensor, Tensor]:
        answer = applied(given[:, 2:], given[:, :2])
        mark = np.full((len(given), 1), symbols)
        tokens = np.concatenate([given, mark, answer[:, :-1]], axis=1)
        return torch.from_numpy(tokens), torch.from_numpy(answer)

    def stream(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return tensors(draw(np.random.default_rng([1, seed, step]), size, shown, symbols, length))

    fixed = draw(np.random.default_rng([2]), examples, shown, symbols, length)
    given = draw(
        np.random.default_rng([0]),
        2 * validation,
        held if judged == "unseen" else shown,
        symbols,
        length,
    )
    # Of a seen rule, the strings must be new.
    known = {row.tobytes() for row in fixed}
    given = np.array([row for row in given if row.tobytes() not in known])[:validation]
    return Data(
        io=Tokens(vocab=symbols + 1, context=2 + 2 * length, source=3 + length),
        loss="cross_entropy",
        batch=fixed_set(*tensors(fixed)) if examples else stream,
        validation=tensors(given),
        per_example=2 + 2 * length,
        unique=examples or None,
        floor=0.0,
    )


TASK = Task(
    name="markov_rewriting",
    what="A string rewritten by a rule given with it; rules never trained on validate.",
    source="Zhang et al. 2024, Only-IF: Revealing the Decisive Effect of Instruction Diversity on "
    "Generalization",
    make=make,
    settings={
        "symbols": 16,
        "length": 6,
        "rules_shown": 0,
        "examples": 8192,
        "validation": 512,
        "judged": "unseen",
    },
    unit="tokens",
)
