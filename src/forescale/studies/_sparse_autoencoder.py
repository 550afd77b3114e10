"""Sparse autoencoders x -> ReLU(W^T W x + b), many at once, trained by Adam."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def sample(rng: np.random.Generator, chance: Array, batch: int, high: float) -> Array:
    """Inputs whose features are active by chance, shape (models, batch, features).

    Args:
        rng: Source of chance.
        chance: Chance of each feature to be active, shape (models, features).
        batch: Inputs per model.
        high: Active features are uniform between 0 and this.
    """
    shape = (len(chance), batch, chance.shape[1])
    # One draw says both: given that it falls below the chance, it is uniform there.
    u = rng.random(shape, np.float32)
    return np.where(u < chance[:, None], u * (high / chance[:, None]), np.float32(0))


def losses(w: Array, b: Array, x: Array, importance: Array) -> NDArray[np.float64]:
    """Mean over inputs of the weighted squared error, shape (models,)."""
    out = np.maximum(x @ w.transpose(0, 2, 1) @ w + b[:, None], 0)
    return np.asarray(((out - x) ** 2 @ importance).mean(1), float)


def train(
    rng: np.random.Generator,
    chance: Array,
    neurons: int,
    *,
    importance: Array,
    steps: int,
    batch: int,
    high: float,
    lr: float,
    decay: Array,
) -> tuple[Array, Array]:
    """Weights, shape (models, neurons, features), and biases after training.

    Args:
        rng: Source of chance.
        chance: Chance of each feature to be active, shape (models, features).
        neurons: Width of the representation.
        importance: Weight of each feature in the loss, shape (features,).
        steps: Steps, the learning rate falling to zero along a cosine.
        batch: Fresh inputs per step.
        high: Largest value of an active feature.
        lr: Learning rate at the start.
        decay: Decoupled weight decay, shape (models,); a negative one draws each feature's
            norm to one instead (Liu et al. 2025).
    """
    models, features = chance.shape
    w = rng.normal(size=(models, neurons, features)).astype(np.float32) / np.sqrt(neurons)
    b = np.zeros((models, features), np.float32)
    moments = [np.zeros_like(a) for a in (w, w, b, b)]
    pull = np.maximum(decay, 0).astype(np.float32)[:, None, None]
    push = np.maximum(-decay, 0).astype(np.float32)[:, None, None]
    for t in range(1, steps + 1):
        x = sample(rng, chance, batch, high)
        hidden = x @ w.transpose(0, 2, 1)
        out = hidden @ w + b[:, None]
        error = np.where(out > 0, (2 / batch) * importance * (out - x), np.float32(0))
        grads = (
            hidden.transpose(0, 2, 1) @ error
            + (error @ w.transpose(0, 2, 1)).transpose(0, 2, 1) @ x,
            error.sum(1),
        )
        rate = np.float32(lr * 0.5 * (1 + np.cos(np.pi * t / steps)))
        if push.any():
            norm = np.sqrt((w * w).sum(1, keepdims=True)) + np.float32(1e-6)
            w = w * (1 + rate * (push * (1 / norm - 1) - pull))
        else:
            w = w * (1 - rate * pull)
        for i, g in enumerate(grads):
            m, v = moments[2 * i], moments[2 * i + 1]
            m += np.float32(0.1) * (g - m)
            v += np.float32(0.01) * (g * g - v)
            step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.99**t)) + 1e-8)
            if i == 0:
                w = (w - rate * step).astype(np.float32)
            else:
                b = (b - rate * step).astype(np.float32)
    return w, b
