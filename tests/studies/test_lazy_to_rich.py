"""The moments follow the neurons' own descent, and the exact test loss is that of many inputs."""

from __future__ import annotations

import numpy as np

from forescale.lab.tasks.polynomial import draw
from forescale.studies import lazy_to_rich as study

RNG = np.random.default_rng(0)
DIM, EXAMPLES, SCALE, CURVE = 4, 12, 0.7, 0.6
DIRECTION = RNG.normal(size=DIM)
X, Y = draw(RNG, EXAMPLES, DIRECTION)


def neurons() -> np.ndarray:
    """Weights with mean nought and second moments one, as infinitely many have."""
    q = np.linalg.qr(np.random.default_rng(1).normal(size=(DIM, DIM)))[0] * np.sqrt(DIM)
    return np.concatenate([q, -q])


def course(steps: int, frozen: bool = False) -> study.Course:
    one = np.array([SCALE]), np.array([CURVE])
    return study.train(X[None], DIRECTION[None], *one, steps, frozen)


def test_moments_follow_the_descent_of_single_neurons() -> None:
    w = neurons()
    n = len(w)
    first = X @ w.T
    start = SCALE * (first + CURVE / 2 * first**2).mean(1)
    found = course(20).train[:, 0]
    lr = study.RATE / (1 + CURVE**2) * n / SCALE**2
    for step in range(20):
        h = X @ w.T
        wrong = SCALE * (h + CURVE / 2 * h**2).mean(1) - start - Y
        np.testing.assert_allclose(found[step], (wrong**2).mean(), rtol=1e-9)
        slope = 2 / EXAMPLES * SCALE / n * (1 + CURVE * h) * wrong[:, None]
        w = w - lr * slope.T @ X


def test_the_frozen_network_is_the_kernels_regression() -> None:
    inner = X @ X.T
    kernel = inner * (1 + CURVE**2 * inner)
    out, found = np.zeros(EXAMPLES), course(20, frozen=True).train[:, 0]
    rate = 2 * study.RATE / (1 + CURVE**2) / EXAMPLES
    for step in range(20):
        np.testing.assert_allclose(found[step], ((out - Y) ** 2).mean(), rtol=1e-9)
        out = out - rate * kernel @ (out - Y)


def test_the_exact_test_loss_is_the_mean_over_many_inputs() -> None:
    rng = np.random.default_rng(2)
    mean, second = rng.normal(size=DIM), np.diag(rng.normal(size=DIM))
    x, y = draw(rng, 400_000, DIRECTION)
    out = SCALE * (x @ mean + CURVE / 2 * ((x @ second) * x).sum(1))
    exact = study.test_loss(
        np.array([SCALE]), np.array([CURVE]), mean[None], second[None], DIRECTION[None]
    )
    np.testing.assert_allclose(((out - y) ** 2).mean(), exact[0], rtol=0.02)


def test_times_are_interpolated_and_those_not_reached_are_the_last() -> None:
    loss = np.stack([10.0 ** -(np.arange(4) / 1.5), np.ones(4)], axis=1)
    np.testing.assert_allclose(study.time_to(loss), [1.5, 4.0])
