"""Descent through the mean of measurements is descent on each, and directions grow as known."""

from __future__ import annotations

import numpy as np

from forescale.studies import incremental_rank as study


def test_the_mean_of_all_measurements_sees_symmetric_matrices_as_they_are() -> None:
    p = study.problem(np.random.default_rng(0), 2, study.SINGULAR)
    seen = (p.sensed @ p.best(1).reshape(2, -1, 1)).reshape(2, study.SIZE, study.SIZE)
    assert (np.linalg.norm(seen - p.best(1), axis=(1, 2)) < 0.35).all()
    for rank in (1, 2, 3, 4):
        norm2 = (study.SINGULAR[:rank] ** 2).sum()
        np.testing.assert_allclose((p.best(rank) ** 2).sum((1, 2)), norm2)


def whole() -> study.Problem:
    """Everything is measured, and singular directions are the axes."""
    n = study.SIZE
    return study.Problem(np.eye(n)[None, :, :4], study.SINGULAR, np.eye(n * n)[None])


def test_descent_is_that_of_half_the_squared_distance_by_differences() -> None:
    p, u = whole(), 0.3 * np.random.default_rng(1).normal(size=(study.SIZE, study.SIZE))
    course = study.descend(p, u[None], 2)
    truth, grad = p.best(4)[0], np.zeros_like(u)

    def loss(f: np.ndarray) -> float:
        return 0.25 * ((f @ f.T - truth) ** 2).sum()

    for i, j in np.ndindex(u.shape):
        step = np.zeros_like(u)
        step[i, j] = 1e-5
        grad[i, j] = (loss(u + step) - loss(u - step)) / 2e-5
    moved = u - study.RATE * grad
    diagonal = np.diag(moved @ moved.T)[:4]
    np.testing.assert_allclose(course.strength[1, 0], diagonal, atol=1e-7)


def test_one_direction_grows_by_the_factor_that_a_step_has() -> None:
    start = 1e-6
    course = study.descend(whole(), start * np.eye(study.SIZE)[None], 10)
    expected = start**2 * (1 + study.RATE * study.SINGULAR) ** 18
    np.testing.assert_allclose(course.strength[9, 0], expected, rtol=1e-4)


def test_half_times_are_interpolated_in_the_logarithm() -> None:
    strength = np.array([0.125, 0.25, 1.0])[:, None, None]
    np.testing.assert_allclose(study.half_times(strength, np.ones(1)), 1.5)
