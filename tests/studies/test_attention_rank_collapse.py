"""Attention written out, and how far tokens are from equal."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.attention_rank_collapse import apart, attention, growth, residuals


def test_equal_tokens_are_no_distance_apart_and_opposite_ones_wholly() -> None:
    assert apart(np.ones((4, 3))) == 0
    assert apart(np.array([[1.0, 2.0], [-1.0, -2.0]])) == pytest.approx(1)


def test_the_mean_is_the_nearest_of_all_equal_tokens() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    near = apart(x) * np.linalg.norm(x)
    for shift in np.eye(3) * 0.1:
        assert near < np.linalg.norm(x - x.mean(0) - shift)


def test_attention_is_the_plain_loop_over_heads_and_tokens() -> None:
    rng = np.random.default_rng(1)
    x, weights = rng.normal(size=(4, 3)), rng.normal(size=(3, 2, 3, 3))
    slow = np.zeros((4, 3))
    for head in range(2):
        q, k, v = weights[:, head]
        for i in range(4):
            share = np.exp([(x[i] @ q) @ (x[j] @ k) / np.sqrt(3) for j in range(4)])
            slow[i] += share / share.sum() @ x @ v
    np.testing.assert_allclose(attention(x, weights), slow)


def test_equal_tokens_stay_equal() -> None:
    weights = np.random.default_rng(2).normal(size=(3, 1, 3, 3))
    assert apart(attention(np.ones((4, 3)), weights)) == pytest.approx(0, abs=1e-15)


def test_growth_tells_doubly_exponential_from_exponential() -> None:
    assert growth(np.array([1.0, *(0.5 ** (3.0 ** np.arange(4)))])) == pytest.approx(3)
    falling = growth(np.array([1.0, *(0.5 ** np.arange(1.0, 13))]))
    assert falling == pytest.approx(12 / 11)
    assert np.isnan(growth(np.array([1.0, 1e-16, 1e-16])))


def test_skips_keep_tokens_apart() -> None:
    with_, without = (residuals(np.random.default_rng(3), 1, skips=s) for s in (True, False))
    assert with_[0] == without[0]
    assert with_[-1] > 1e10 * without[-1]
