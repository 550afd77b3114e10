"""Multi-layer perceptrons in numpy, many seeds of them side by side."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forescale.studies._adam import Adam

Array = NDArray[np.float32]


class Mlp:
    """One network per seed: linear layers with biases, ReLU between them.

    Args:
        sizes: Inputs, hidden units of each layer, outputs.
        networks: How many.
        rng: Source of the starting weights, of variance 2 / inputs of the layer.
        lr: Adam's peak rate.
        steps: Training steps that the rate falls over.
    """

    def __init__(
        self, sizes: Sequence[int], networks: int, rng: np.random.Generator, lr: float, steps: int
    ) -> None:
        pairs = list(itertools.pairwise(sizes))
        self.weights: list[Array] = [
            (rng.normal(size=(networks, a, b)) * np.sqrt(2 / a)).astype(np.float32)
            for a, b in pairs
        ]
        self.biases: list[Array] = [np.zeros((networks, 1, b), np.float32) for _, b in pairs]
        self.adam = Adam([*self.weights, *self.biases], lr, steps)

    def layers(self, x: Array) -> list[Array]:
        """The inputs, every hidden layer and the outputs, each (networks, examples, units)."""
        seen = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            h = seen[-1] @ w + b
            seen.append(h if len(seen) == len(self.weights) else np.maximum(h, 0))
        return seen

    def __call__(self, x: Array) -> Array:
        """The outputs, shape (networks, examples, outputs)."""
        return self.layers(x)[-1]

    def gradients(
        self, x: Array, target: NDArray[Any], loss: Literal["cross_entropy", "mse"]
    ) -> list[Array]:
        """Of each network's mean loss on its own examples: in all weights, then all biases.

        Args:
            x: Inputs, shape (networks, examples, inputs).
            target: Classes, shape (networks, examples), or values, as the outputs.
            loss: Cross-entropy of the classes, or the mean square over examples and outputs.
        """
        seen = self.layers(x)
        back = seen[-1] - target if loss == "mse" else _excess(seen[-1], target)
        back = back * np.float32(2 / back.shape[2] if loss == "mse" else 1) / back.shape[1]
        of_weights, of_biases = [], []
        for i in reversed(range(len(self.weights))):
            of_weights.append(np.swapaxes(seen[i], 1, 2) @ back)
            of_biases.append(back.sum(1, keepdims=True))
            if i:
                back = (back @ np.swapaxes(self.weights[i], 1, 2)) * (seen[i] > 0)
        return [*of_weights[::-1], *of_biases[::-1]]

    def step(self, x: Array, target: NDArray[Any], loss: Literal["cross_entropy", "mse"]) -> None:
        """One step of Adam; arguments as for `gradients`."""
        self.adam.step(self.gradients(x, target, loss))


def _excess(logits: Array, y: NDArray[Any]) -> Array:
    """Gradient of each example's cross-entropy in its logits."""
    p = np.exp(logits - logits.max(2, keepdims=True))
    p /= p.sum(2, keepdims=True)
    return np.asarray(p - (y[..., None] == np.arange(p.shape[2])))
