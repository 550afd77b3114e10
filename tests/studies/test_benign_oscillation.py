"""A step is down the gradient of one example's error, and features alone decide where they are."""

from __future__ import annotations

import numpy as np

from forescale.studies import benign_oscillation as study

SIGN = np.array([1.0, -1.0, 1.0, -1.0])


def test_a_step_is_down_the_gradient_by_differences() -> None:
    rng = np.random.default_rng(0)
    data = study.draw(rng, 1, 1, 1.0, study.STRONG)
    w = 0.1 * rng.normal(size=(1, 4, study.INPUTS))
    y, strong, noise = data.y[:, 0], data.strong[:, 0], data.noise[:, 0]

    def loss(weights: np.ndarray) -> float:
        out = study.output(study.patches(weights, y, strong, noise), SIGN)
        return 0.5 * float((out[0] - y[0]) ** 2)

    moved, beyond = study.descend(rng, w, SIGN, data, lr=0.5, steps=1)
    np.testing.assert_allclose(beyond[0, 0] ** 2 / 2, loss(w))
    for i, j in [(0, 0), (1, 1), (2, 0), (3, 7), (0, 100)]:
        step = np.zeros_like(w)
        step[0, i, j] = 1e-5
        slope = (loss(w + step) - loss(w - step)) / 2e-5
        np.testing.assert_allclose(moved[0, i, j], w[0, i, j] - 0.5 * slope, atol=1e-9)


def test_filters_that_know_the_weak_feature_are_right_without_the_strong_one() -> None:
    data = study.draw(np.random.default_rng(1), 2, 100, 0.0, study.STRONG)
    w = np.zeros((2, 4, study.INPUTS))
    w[0, :, 0] = SIGN
    w[1, :, 1] = SIGN
    np.testing.assert_allclose(study.right(w, SIGN, data), [1.0, 0.0])


def test_the_share_of_examples_with_the_strong_feature_is_exact() -> None:
    data = study.draw(np.random.default_rng(2), 3, 20, 0.9, 1.0)
    np.testing.assert_array_equal((data.strong > 0).sum(1), 18)
    assert not data.noise[:, :, :2].any()
