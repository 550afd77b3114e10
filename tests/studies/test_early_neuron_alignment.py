"""The steps descend the loss, keep neurons balanced, and ranks and cosines are what they say."""

from __future__ import annotations

import numpy as np

from forescale.studies import early_neuron_alignment as study

SIGN = np.array([1.0, -1.0, 1.0, -1.0])
Y = np.array([1.0, 1.0, -1.0, -1.0])


def drawn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z = study.examples(rng, 1, 4)
    return z * Y[:, None], 0.3 * rng.normal(size=(1, 4, study.INPUTS))


def test_inputs_times_labels_all_agree() -> None:
    z = study.examples(np.random.default_rng(1), 3, 30)
    assert (z @ z.transpose(0, 2, 1) > 0).all()
    np.testing.assert_allclose((z**2).sum(2), 1.0)


def test_a_step_is_down_the_gradient_by_differences() -> None:
    x, w = drawn()
    readout = SIGN * np.linalg.norm(w[0], axis=1)

    def loss(weights: np.ndarray) -> float:
        out = np.maximum(x[0] @ weights.T, 0) @ readout
        return np.logaddexp(0, -Y * out).mean()

    course = study.train(w, SIGN, x, Y, 1)
    np.testing.assert_allclose(course.loss[0, 0], loss(w[0]))
    length = study.STEP / (loss(w[0]) * (1 + (readout**2).sum()))
    grad = np.zeros_like(w[0])
    for i, j in np.ndindex(grad.shape):
        step = np.zeros_like(grad)
        step[i, j] = 1e-6
        grad[i, j] = (loss(w[0] + step) - loss(w[0] - step)) / 2e-6
    np.testing.assert_allclose(course.weights[0], w[0] - length * grad, atol=1e-8)


def test_only_live_neurons_count_and_the_worst_of_them_decides() -> None:
    x = np.array([[[1.0, 0.0], [-1.0, 0.0]]])
    y = np.array([1.0, -1.0])
    weights = np.array([[[2.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]])
    # Of the three the second is at right angles to both examples: it answers none.
    found = study.least_cosine(weights, np.array([1.0, 1.0, -1.0]), x, y)
    np.testing.assert_allclose(found, np.sqrt(0.5))


def test_stable_rank_of_known_matrices() -> None:
    np.testing.assert_allclose(study.stable_rank(np.eye(5)), 5.0)
    np.testing.assert_allclose(study.stable_rank(np.ones((2, 3, 4))), 1.0)
