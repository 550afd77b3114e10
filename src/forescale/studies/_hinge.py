"""SGD on the hinge loss until all is fitted: perceptrons and networks, many at once.

Source: Sclocchi, Geiger & Wyart 2023, "Dissecting the Effects of SGD Noise in Distinct Regimes
of Deep Learning".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.studies._interval import Array

Floats = NDArray[np.float32]
#: Steps that change something, at most: none of the studies' runs comes near.
MOST = 20_000


class Model(NamedTuple):
    """A kind of network, many of which are trained at once.

    Args:
        outputs: Of weights and inputs (n, P, d), shape (n, P).
        slopes: Gradients of each network's output on one input of its own, (n, 1, d).
    """

    outputs: Callable[[list[Floats], Floats], Floats]
    slopes: Callable[[list[Floats], Floats], list[Floats]]


def perceptrons(weights: list[Floats], x: Floats) -> Floats:
    """Outputs w.x / sqrt(d); the weights are (n, d)."""
    return np.asarray((x @ weights[0][:, :, None])[:, :, 0] / np.float32(np.sqrt(x.shape[2])))


def perceptron_slopes(weights: list[Floats], x: Floats) -> list[Floats]:
    """The gradient of that output."""
    return [x[:, 0] / np.float32(np.sqrt(x.shape[2]))]


def networks(weights: list[Floats], x: Floats) -> Floats:
    """Outputs of a hidden layer of ReLUs; the weights are (n, d, hidden) and (n, hidden, 1)."""
    scale = np.float32((x.shape[2] * weights[1].shape[1]) ** -0.5)
    return np.asarray((np.maximum(x @ weights[0], 0) @ weights[1])[:, :, 0] * scale)


def network_slopes(weights: list[Floats], x: Floats) -> list[Floats]:
    """The gradients of that output."""
    scale = np.float32((x.shape[2] * weights[1].shape[1]) ** -0.5)
    seen = x @ weights[0]
    back = (seen > 0) * weights[1].transpose(0, 2, 1) * scale
    return [x.transpose(0, 2, 1) @ back, np.maximum(seen, 0).transpose(0, 2, 1) * scale]


PERCEPTRON = Model(perceptrons, perceptron_slopes)
NETWORK = Model(networks, network_slopes)


def examples(
    rng: np.random.Generator, n: int, size: int, inputs: int, chi: float, gap: float = 0.0
) -> tuple[Floats, Floats]:
    """Inputs, shape (n, size, inputs), and labels: the sign of the first, shape (n, size).

    The density of the first goes as its size to the power chi near 0, where the labels change;
    the others are Gaussian.

    Args:
        rng: Source of the draws.
        n: Sets.
        size: Examples of each.
        inputs: Dimension.
        chi: Exponent of the density at the boundary.
        gap: Added to the first input's size: with it no example lies near the boundary.
    """
    x = rng.standard_normal((n, size, inputs), dtype=np.float32)
    labels = rng.choice(np.array([-1, 1], np.float32), size=(n, size))
    x[:, :, 0] = labels * (gap + np.sqrt(rng.chisquare(chi + 1, size=(n, size))))
    return x, labels


def settle(
    rng: np.random.Generator,
    model: Model,
    weights: list[Floats],
    x: Floats,
    labels: Floats,
    temperature: ArrayLike,
    margin: ArrayLike,
) -> list[Floats]:
    """Weights after SGD on the hinge loss until every example has its margin.

    A batch is one example, so the temperature, the learning rate over the batch, is the learning
    rate. An example that has its margin changes nothing: the next one to change something is a
    uniform draw of those that have not, and only such steps are made. What is trained is the
    output less that at the start.

    Args:
        rng: Source of the draws.
        model: Their kind.
        weights: At the start, the first axis counts networks.
        x: Inputs, shape (n, P, d).
        labels: Shape (n, P).
        temperature: Of each network, shape (n,).
        margin: Shape (n,): one over the scale alpha of the outputs.
    """
    n = len(x)
    end = [w.copy() for w in weights]
    heat, need = (np.broadcast_to(np.asarray(v, np.float32), n) for v in (temperature, margin))
    first, live, now = model.outputs(weights, x), np.arange(n), weights
    for _ in range(MOST):
        lacks = labels * (model.outputs(now, x) - first) < need[:, None]
        going = lacks.any(1)
        if not going.all():
            for e, w in zip(end, now, strict=True):
                e[live[~going]] = w[~going]
            if not going.any():
                return end
            now = [w[going] for w in now]
            live, lacks = live[going], lacks[going]
            x, labels, first, heat, need = (v[going] for v in (x, labels, first, heat, need))
        rows = np.arange(len(live))
        drawn = (lacks * rng.random(lacks.shape, dtype=np.float32)).argmax(1)
        move = heat * labels[rows, drawn]
        slopes = model.slopes(now, x[rows, drawn][:, None])
        now = [
            w + move.reshape(-1, *(1,) * (w.ndim - 1)) * s for w, s in zip(now, slopes, strict=True)
        ]
    for e, w in zip(end, now, strict=True):
        e[live] = w
    return end


def size_of(weights: list[Floats]) -> Array:
    """Euclidean norm of each network's weights, shape (n,)."""
    flat = np.concatenate([w.reshape(len(w), -1) for w in weights], 1).astype(float)
    return np.asarray(np.linalg.norm(flat, axis=1))
