"""Handwritten digits for small networks in numpy, and what their loss asks of the outputs."""

from __future__ import annotations

import importlib
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


def digits(rng: np.random.Generator, examples: int, test: int = 360) -> Split:
    """A random split of scikit-learn's 8x8 digits.

    Raises:
        NotReached: If scikit-learn is not installed.
    """
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError as error:
        raise NotReached(
            "the digits come with scikit-learn, which is not installed",
            fix="pip install scikit-learn",
        ) from error
    found = datasets.load_digits()
    x = np.asarray(found.data, np.float32) / 16
    y = np.asarray(found.target, np.int64)
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
