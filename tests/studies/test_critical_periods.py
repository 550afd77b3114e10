"""Pathways follow their ODE, which keeps what it should, and rivals share what they learn."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import critical_periods as study


def run(u: np.ndarray, s: np.ndarray, depth: int, time: float, dt: float = 0.01) -> np.ndarray:
    for _ in range(round(time / dt)):
        u = study.forward(u, s, depth, np.ones((2, 1)), dt)
    return u


def test_one_layer_fills_what_is_lacking_at_the_rate_of_both_pathways() -> None:
    u = run(np.full((2, 1), 0.01), np.ones(1), 1, 1.0)
    np.testing.assert_allclose(u.sum(0), 1 - 0.98 * np.exp(-2.0), rtol=1e-6)


def test_two_layers_follow_the_logistic_curve() -> None:
    # Together: d(2K)/dt = 2 (2K)(1 - 2K).
    u = run(np.full((2, 1), 0.1), np.ones(1), 2, 1.5)
    odds = 0.02 / 0.98 * np.exp(3.0)
    np.testing.assert_allclose((u**2).sum(0), odds / (1 + odds), rtol=1e-6)
    assert study.half_time(2) == pytest.approx(0.5 * np.log(0.98 / 0.02), rel=1e-3)


@pytest.mark.parametrize("depth", [3, 5])
def test_deep_pathways_keep_the_difference_of_their_inverse_powers(depth: int) -> None:
    start = np.array([[0.5], [0.45]])
    end = run(start, np.ones(1), depth, 20.0)
    power = 2 - depth
    np.testing.assert_allclose(end[1] ** power - end[0] ** power, np.diff(start.T**power)[0])
    np.testing.assert_allclose((end**depth).sum(0), 1.0, atol=1e-6)


def test_a_pathway_that_is_shut_stands_still() -> None:
    u = np.array([[0.3], [0.3]])
    later = study.forward(u, np.ones(1), 3, np.array([[1.0], [0.0]]), 0.1)
    assert later[0] > u[0]
    assert later[1] == u[1]


@pytest.mark.parametrize("rivals", [True, False])
def test_only_rivals_lose_for_good(rivals: bool) -> None:
    part, off = study.grown(np.random.default_rng(0), 2, 1, rivals)
    none, early, late = part[0].mean(1)
    if rivals:
        assert off < study.OFF
        assert early < 0.9 * none
        assert late == pytest.approx(none, abs=0.01)
    else:
        assert off > study.OFF
        np.testing.assert_allclose(part, 1.0, atol=0.02)
