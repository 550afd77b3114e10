"""Estimates of mutual information against closed forms and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies._information import infonce, partition, smile
from forescale.studies.mutual_information_limits import (
    BATCH,
    DIMENSIONS,
    correlation,
    expected_spread,
    pairs,
    ratio,
)


def test_the_mean_score_of_true_pairs_is_their_information() -> None:
    rho = correlation(1.5)
    assert -DIMENSIONS / 2 * np.log(1 - rho**2) == pytest.approx(1.5)
    x, y = pairs(np.random.default_rng(0), 400, rho)
    assert ratio(x, y, rho).mean() == pytest.approx(1.5, abs=0.05)


def test_the_best_critic_is_the_log_ratio_of_the_densities() -> None:
    rho, x, y = 0.6, np.array([[0.3]]), np.array([[-1.1]])
    cov = np.array([[1, rho], [rho, 1]])
    pair = np.array([0.3, -1.1])
    joint = -0.5 * pair @ np.linalg.solve(cov, pair) - 0.5 * np.log(np.linalg.det(cov))
    assert ratio(x, y, rho)[0] == pytest.approx(joint + 0.5 * (pair @ pair))


def test_the_partition_has_mean_one_and_the_expected_spread() -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 4000, BATCH, DIMENSIONS))
    z = partition(ratio(x, y, correlation(0.3)))
    assert z.mean() == pytest.approx(1, abs=0.01)
    assert z.std() == pytest.approx(expected_spread(0.3), rel=0.06)


def test_the_contrastive_estimate_is_its_loop_and_never_above_the_log_of_the_batch() -> None:
    scores = np.random.default_rng(0).normal(size=(3, 5, 5))
    slow = [
        np.mean([s[i, i] - np.log(np.mean([np.exp(v) for v in s[i]])) for i in range(5)])
        for s in scores
    ]
    np.testing.assert_allclose(infonce(scores), slow)
    assert infonce(1e4 * np.eye(7)) == pytest.approx(np.log(7))
    assert infonce(np.full((4, 4), 3.0)) == pytest.approx(0)


def test_clipping_bounds_the_ratios_and_an_infinite_clip_does_nothing() -> None:
    scores = np.array([-9.0, 0.0, 9.0])
    assert partition(scores, 1.0) == pytest.approx((np.exp(-1) + 1 + np.e) / 3)
    assert partition(scores) == pytest.approx(np.exp(scores).mean())
    assert smile(np.array([2.0, 4.0]), np.zeros(3)) == pytest.approx(3)
