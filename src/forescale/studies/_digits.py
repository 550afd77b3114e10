"""Handwritten digits for small networks in numpy, and what their loss asks of the outputs."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.errors import NotReached

Array = NDArray[np.float32]
Index = NDArray[np.int64]
CLASSES = 10


class Split(NamedTuple):
    """Images of shape (n, 64), standardised, and their labels, to train and to test on."""

    x: Array
    y: Index
    x_test: Array
    y_test: Index


@cache
def library() -> tuple[Array, Index]:
    """Scikit-learn's digits: images of shape (1797, 64), black 0 and white 1, and labels.

    Raises:
        NotReached: If scikit-learn is not installed.
    """
    try:
        spec = importlib.util.find_spec("sklearn")
    except ImportError:
        spec = None
    if spec is None or spec.origin is None:
        raise NotReached(
            "the digits come with scikit-learn, which is not installed",
            fix="pip install scikit-learn",
        )
    # Importing the library to read one small file costs a second, reading it twenty milliseconds.
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if path.exists():
        table = np.loadtxt(path, delimiter=",")
        x, y = table[:, :-1], table[:, -1]
    else:
        found = importlib.import_module("sklearn.datasets").load_digits()
        x, y = found.data, found.target
    return np.asarray(x, np.float32) / np.float32(16), np.asarray(y, np.int64)


def digits(rng: np.random.Generator, examples: int, test: int = 360) -> Split:
    """A random split of scikit-learn's 8x8 digits.

    Raises:
        NotReached: If scikit-learn is not installed.
    """
    x, y = library()
    order = rng.permutation(len(y))
    held, used = order[:test], order[test : test + examples]
    mean, spread = x[used].mean(0), x[used].std()
    return Split((x[used] - mean) / spread, y[used], (x[held] - mean) / spread, y[held])


def excess(logits: Array, y: Index) -> tuple[float, Array]:
    """Mean cross-entropy, and its gradient in the logits, of shape (n, CLASSES)."""
    shifted = logits - logits.max(1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(1, keepdims=True)
    rows = np.arange(len(y))
    loss = -float(np.log(np.maximum(p[rows, y], 1e-30)).mean())
    p[rows, y] -= 1
    return loss, p / len(y)


def accuracy(logits: Array, y: Index) -> float:
    """Share of right answers; zero where the network says no number."""
    return float((np.nan_to_num(logits).argmax(1) == y).mean()) if len(y) else 0.0
