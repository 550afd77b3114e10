"""Tables of a binary operation: some entries are shown, the others must be told.

Over the integers modulo a prime, or in the symmetric group of five things. Networks first learn
the shown entries by heart, and find the rule much later, or all at once.

Source: Power et al. 2022, "Grokking: Generalization Beyond Overfitting on Small Algorithmic
Datasets", whose operations these are.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task, fixed_set

Table = NDArray[np.int64]
OPERATIONS = ("+", "-", "*", "/", "x^2+y^2", "x^3+xy", "S5")
SEQUENCES = ("a o b =", "a b =")


def table(operation: str, p: int) -> tuple[Table, int]:
    """Rows a, b, a o b for all ordered pairs that have an answer, and how many elements.

    Args:
        operation: One of `OPERATIONS`.
        p: Modulus, a prime; S5 has none.

    Raises:
        BadOption: If there is no such operation, or p is no prime.
    """
    if operation not in OPERATIONS:
        raise BadOption(f"no operation '{operation}'", fix=f"one of {', '.join(OPERATIONS)}")
    if operation == "S5":
        elements = np.array(list(itertools.permutations(range(5))))
        # (a o b)(i) = a(b(i)), numbered by its digits.
        composed = elements[:, elements]
        place = 5 ** np.arange(5)
        number = {int(n): i for i, n in enumerate(elements @ place)}
        answers = np.vectorize(number.__getitem__)(composed @ place)
        a, b = np.divmod(np.arange(answers.size), len(elements))
        return np.stack([a, b, answers.ravel()], 1), len(elements)
    if p < 2 or any(p % k == 0 for k in range(2, int(p**0.5) + 1)):
        raise BadOption(f"p is {p}, which is no prime", fix="give a prime, such as 97")
    a, b = np.divmod(np.arange(p * p), p)
    if operation == "/":
        # c / b for every c = a b: each pair with b > 0 once.
        a, b = a[b > 0], b[b > 0]
        return np.stack([a * b % p, b, a], 1), p
    answer = {
        "+": a + b,
        "-": a - b,
        "*": a * b,
        "x^2+y^2": a**2 + b**2,
        "x^3+xy": a**3 + a * b,
    }[operation]
    return np.stack([a, b, answer % p], 1), p


def make(*, operation: str, p: int, share: float, tokens: str) -> Data:
    """The table, split at random.

    Args:
        operation: "+", "-", "*", "/", "x^2+y^2", "x^3+xy" modulo p, or "S5".
        p: Modulus, a prime.
        share: Share of the ordered pairs that is trained on; the others validate.
        tokens: The sequence: "a o b =", or "a b =" without the sign of the operation.

    Raises:
        BadOption: If a setting makes no table or no split.
    """
    import torch

    if tokens not in SEQUENCES:
        raise BadOption(f"no sequence '{tokens}'", fix=f"one of {', '.join(SEQUENCES)}")
    rows, elements = table(operation, p)
    n = round(share * len(rows))
    if not 0 < n < len(rows):
        raise BadOption(f"share is {share:g}", fix="give a number between 0 and 1")
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    # Elements are numbered first, then the signs in the order in which they stand.
    signs = len(tokens.split()) - 2
    said = np.full((len(rows), 2 + signs), elements)
    said[:, 0], said[:, -2], said[:, -1] = rows[:, 0], rows[:, 1], elements + signs - 1
    x, y = torch.from_numpy(said), torch.from_numpy(rows[:, 2])
    return Data(
        io=Tokens(vocab=elements + signs, context=2 + signs, targets="last"),
        loss="cross_entropy",
        batch=fixed_set(x[:n], y[:n]),
        validation=(x[n:], y[n:]),
        unique=n,
        floor=0.0,
    )


TASK = Task(
    name="modular",
    what="The missing entries of an operation's table, modulo a prime or in a group.",
    source="Power et al. 2022, Grokking: Generalization Beyond Overfitting on Small Algorithmic "
    "Datasets",
    make=make,
    settings={"operation": "+", "p": 97, "share": 0.5, "tokens": "a o b ="},
)
