"""The flow in as many numbers as examples is the descent of all weights in small steps."""

from __future__ import annotations

import numpy as np

from forescale.studies import kernel_to_min_norm as study


def test_the_flow_is_gradient_descent_on_the_weights_in_small_steps() -> None:
    rng = np.random.default_rng(0)
    x, truth = rng.normal(size=(1, 3, 6)), np.eye(6)[:1]
    scale, decay, lr = 1.5, 0.3, 2e-4
    times = np.linspace(0.0, 2.0, 401)[1:, None]
    found = study.flow(x, truth, np.array([scale]), np.array([decay]), times)
    u, v = np.full(6, scale), np.full(6, scale)
    y = x[0] @ truth[0]
    for step in range(1, 10_001):
        pull = x[0].T @ (x[0] @ (u**2 - v**2) - y) / 3
        u, v = u - lr * (2 * u * pull + decay * u), v - lr * (-2 * v * pull + decay * v)
        if step % 2500 == 0:
            at = step * 400 // 10_000 - 1
            lack = ((u**2 - v**2 - truth[0]) ** 2).sum()
            np.testing.assert_allclose(found.test[at, 0], lack, rtol=0.01)


def test_a_large_scale_is_the_kernels_until_decay_has_shrunk_it() -> None:
    x, truth = study.examples(np.random.default_rng(1), 2)
    scale, decay = np.full(2, 50.0), np.full(2, 1e-3)
    times = np.geomspace(1e-6, 10.0, 80)[:, None] * np.ones(2)
    course = study.flow(x, truth, scale, decay, times)
    np.testing.assert_allclose(course.test[-1], study.kernel_error(x, truth), rtol=1e-3)
    assert (course.train[-1] < 1e-3).all()


def test_the_kernel_leaves_of_a_random_truth_what_no_example_shows() -> None:
    x, _ = study.examples(np.random.default_rng(2), 200)
    truth = np.random.default_rng(3).normal(size=(200, study.INPUTS))
    expected = 1 - study.EXAMPLES / study.INPUTS
    np.testing.assert_allclose(study.kernel_error(x, truth).mean(), expected, rtol=0.03)


def test_times_are_interpolated_and_those_not_reached_are_the_last() -> None:
    time = np.array([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]])
    lack = np.array([[1.0, 1.0], [0.2, 1.0], [0.0, 0.5]])
    np.testing.assert_allclose(study.time_to(time, lack), [2.0, 3.0])
