"""Many dense ReLU networks of one shape trained at once, in numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from forescale.studies._adam import Adam
from forescale.studies._digits import Array, Index

#: Weights and biases by turns, shapes (networks, inputs, outputs) and (networks, 1, outputs).
Params = list[Array]


def begun(rng: np.random.Generator, networks: int, sizes: Sequence[int]) -> Params:
    """Gaussian weights of variance 2 over the inputs (1 in the last layer) and biases of zero."""
    params: Params = []
    for i, d_in in enumerate(sizes[:-1]):
        gain = 2 if i < len(sizes) - 2 else 1
        w = rng.normal(size=(networks, d_in, sizes[i + 1])) * np.sqrt(gain / d_in)
        params += [w.astype(np.float32), np.zeros((networks, 1, sizes[i + 1]), np.float32)]
    return params


def forward(params: Params, x: Array) -> list[Array]:
    """The inputs, every hidden layer behind its ReLU, and the outputs.

    Args:
        params: As `begun` gives them.
        x: Shape (n, d) for all networks, or (networks, n, d).
    """
    seen = [x]
    for i in range(0, len(params), 2):
        z = seen[-1] @ params[i] + params[i + 1]
        seen.append(z if i == len(params) - 2 else np.maximum(z, 0))
    return seen


def cross_entropy(outputs: Array, y: Index) -> tuple[Array, Array]:
    """Mean loss of each network, shape (networks,), and its gradient in the outputs.

    Args:
        outputs: Shape (networks, n, classes).
        y: Classes, shape (n,) or (networks, n).
    """
    shifted = outputs - outputs.max(-1, keepdims=True)
    p = np.exp(shifted)
    total = p.sum(-1, keepdims=True)
    at = np.broadcast_to(y, outputs.shape[:2])[..., None]
    loss = (np.log(total) - np.take_along_axis(shifted, at, -1)).mean((1, 2))
    p /= total
    np.put_along_axis(p, at, np.take_along_axis(p, at, -1) - 1, -1)
    return loss, p / p.shape[1]


def gradients(params: Params, x: Array, y: Index) -> tuple[Array, Params]:
    """Mean cross-entropy of each network, and its gradients."""
    seen = forward(params, x)
    loss, back = cross_entropy(seen[-1], y)
    found: Params = [np.empty(0, np.float32)] * len(params)
    for i in reversed(range(0, len(params), 2)):
        below = seen[i // 2]
        found[i] = below.swapaxes(-1, -2) @ back
        found[i + 1] = back.sum(1, keepdims=True)
        if i:
            back = (back @ params[i].swapaxes(1, 2)) * (below > 0)
    return loss, found


def train(
    rng: np.random.Generator,
    params: Params,
    x: Array,
    y: Index,
    *,
    steps: int,
    batch: int,
    lr: float,
    look: Callable[[int], None] | None = None,
) -> None:
    """Adam with a falling rate, in place; every network sees batches of its own.

    Args:
        rng: Source of the batches.
        params: What is trained.
        x: Inputs, shape (n, d), or (networks, n, d) where each network has its own.
        y: Classes, shape (n,) or (networks, n).
        steps: Steps.
        batch: Examples in one.
        lr: Peak rate.
        look: Called with the number of steps made, before each and at the end.
    """
    adam = Adam(params, lr, steps)
    networks = np.arange(len(params[0]))[:, None]
    for step in range(steps):
        if look is not None:
            look(step)
        pick = rng.integers(0, x.shape[-2], (len(params[0]), batch))
        seen = x[pick] if x.ndim == 2 else x[networks, pick]
        known = y[pick] if y.ndim == 1 else y[networks, pick]
        adam.step(gradients(params, seen, known)[1])
    if look is not None:
        look(steps)


def right(params: Params, x: Array, y: Index) -> Array:
    """Share of right answers of each network, shape (networks,)."""
    return np.asarray((forward(params, x)[-1].argmax(-1) == y).mean(-1), np.float32)
