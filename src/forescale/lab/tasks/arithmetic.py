"""Sums of two numbers told digit by digit: the leading digit first, the last one first, or worked.

A sequence is the digits of both summands, a mark, and the answer. Told from the leading digit,
"plain", each digit of the answer hangs on all digits to its right; told from the last, "reverse",
on two digits and a carry. A "mirror" also gives the summands from the last digit on, so that what
a digit hangs on is always equally far behind it. A "scratchpad" tells for each place its carry
and its digit, and then the plain answer. Numbers have leading zeros, so that all sequences are of
one length.

Source: Lee et al. 2023, "Teaching Arithmetic to Small Transformers".
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
FORMATS = ("plain", "reverse", "mirror", "scratchpad")
JUDGED = ("alike", "longer")


def spelt(numbers: Array, digits: int, base: int) -> Array:
    """Digits of numbers, the leading one first, shape (n, digits)."""
    return np.asarray(numbers[:, None] // base ** np.arange(digits - 1, -1, -1) % base)


def answers(a: Array, b: Array, digits: int, base: int, form: str) -> Array:
    """What is to be told of a + b, shape (n, length).

    Args:
        a: First summands, shape (n,).
        b: Second summands.
        digits: Digits of a summand; the sum has one more.
        base: Base of the digits.
        form: One of `FORMATS`.

    Raises:
        BadOption: If there is no such format.
    """
    if form not in FORMATS:
        raise BadOption(f"no format '{form}'", fix=f"one of {', '.join(FORMATS)}")
    plain = spelt(a + b, digits + 1, base)
    if form == "plain":
        return plain
    back = plain[:, ::-1]
    if form in {"reverse", "mirror"}:
        return back
    # From the last place on: the carry into the place, and its digit.
    place = base ** np.arange(digits + 1)
    carry = (a[:, None] % place + b[:, None] % place) // place
    worked = np.stack([carry, back], axis=2).reshape(len(a), -1)
    return np.concatenate([worked, plain], axis=1)


def pairs(rng: np.random.Generator, n: int, low: int, high: int) -> Array:
    """Different ordered pairs of summands, the larger of which is in [low, high), shape (n, 2).

    Raises:
        BadOption: If there are not so many.
    """
    there = high**2 - low**2
    if n > there:
        raise BadOption(f"there are no {n} sums of such numbers", fix=f"at most {there}")
    if there <= 1 << 20:
        every = np.stack(np.divmod(np.arange(high**2), high), 1)
        every = every[every.max(1) >= low]
        return np.asarray(every[rng.permutation(len(every))[:n]])
    found: dict[tuple[int, int], None] = {}
    while len(found) < n:
        drawn = rng.integers(0, high, (n, 2))
        found.update(dict.fromkeys(map(tuple, drawn[drawn.max(1) >= low].tolist())))
    return np.array(list(found)[:n])


def make(
    *,
    base: int,
    digits: int,
    trained: int,
    format: str,
    examples: int,
    validation: int,
    judged: str,
) -> Data:
    """The sums.

    Args:
        base: Base of the digits.
        digits: Digits of a summand, leading zeros among them.
        trained: Most digits of a summand that are not leading zeros, in training.
        format: "plain", "reverse", "mirror" or "scratchpad".
        examples: Different sums that are trained on.
        validation: Other sums that validate.
        judged: Whether those are "alike", or "longer": a summand has more than `trained` digits.

    Raises:
        BadOption: If there are not so many sums, or no longer ones.
    """
    import torch

    if judged not in JUDGED or (judged == "longer" and trained >= digits):
        raise BadOption(
            f"judged is '{judged}' after training on {trained} of {digits} digits",
            fix="one of alike, longer; for the latter train on fewer digits than there are",
        )
    if base < 2 or not 1 <= trained <= digits:
        raise BadOption(
            f"base {base}, trained on {trained} of {digits} digits",
            fix="give base 2 or more and 1 digit or more, at most as many as there are",
        )

    def tensors(ab: Array) -> tuple[Tensor, Tensor]:
        a, b = ab[:, 0], ab[:, 1]
        answer = answers(a, b, digits, base, format)
        mark = np.full((len(a), 1), base)
        way = -1 if format == "mirror" else 1
        given = [spelt(n, digits, base)[:, ::way] for n in (a, b)]
        tokens = np.concatenate([*given, mark, answer[:, :-1]], axis=1)
        return torch.from_numpy(tokens), torch.from_numpy(np.ascontiguousarray(answer))

    # What validates comes first: a larger training set holds the smaller ones.
    alike = pairs(np.random.default_rng([0, base]), validation + examples, 0, base**trained)
    held, shown = alike[:validation], alike[validation:]
    if judged == "longer":
        rng = np.random.default_rng([1, base])
        held = pairs(rng, validation, base**trained, base**digits)
    inputs, targets = tensors(shown)
    context = inputs.shape[1]
    return Data(
        io=Tokens(vocab=base + 1, context=context, source=2 * digits + 1),
        loss="cross_entropy",
        batch=fixed_set(inputs, targets),
        validation=tensors(held),
        per_example=context,
        unique=examples,
        floor=0.0,
    )


TASK = Task(
    name="arithmetic",
    what="Sums of two numbers, told plainly, from the last digit, or worked on a scratchpad.",
    source="Lee et al. 2023, Teaching Arithmetic to Small Transformers",
    make=make,
    settings={
        "base": 10,
        "digits": 3,
        "trained": 3,
        "format": "plain",
        "examples": 8192,
        "validation": 512,
        "judged": "alike",
    },
    unit="tokens",
)
