"""Bands of several forecasts hold them all at once, and are no wider than they must be."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.forecast.joint import simultaneous

M = 6


def drawn(rho: float, n: int, seed: int) -> np.ndarray:
    """Normal draws of M points of spreads 1 to 3, correlation rho."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 1))
    own = rng.normal(size=(n, M))
    return np.linspace(1, 3, M) * (np.sqrt(rho) * shared + np.sqrt(1 - rho) * own)


@pytest.mark.parametrize("rho", [0.0, 0.7, 1.0])
def test_new_points_are_all_inside_as_often_as_promised(rho: float) -> None:
    band, new = simultaneous(drawn(rho, 4000, 0), 0.9), drawn(rho, 20_000, 1)
    all_in = np.mean(((new >= band.lo) & (new <= band.hi)).all(1))
    assert all_in == pytest.approx(0.9, abs=0.02)
    mean, largest = new.mean(1), new.max(1)
    assert np.mean((mean >= band.mean[0]) & (mean <= band.mean[1])) == pytest.approx(0.9, abs=0.02)
    inside = (largest >= band.maximum[0]) & (largest <= band.maximum[1])
    assert np.mean(inside) == pytest.approx(0.9, abs=0.02)


def test_control_pointwise_intervals_hold_independent_points_far_less_often() -> None:
    draws, new = drawn(0.0, 4000, 0), drawn(0.0, 20_000, 1)
    lo, hi = np.quantile(draws, [0.05, 0.95], axis=0)
    assert np.mean(((new >= lo) & (new <= hi)).all(1)) < 0.6


def test_points_that_move_together_cost_no_more_than_one() -> None:
    alone = simultaneous(drawn(1.0, 4000, 0)[:, :1], 0.9)
    together = simultaneous(drawn(1.0, 4000, 0), 0.9)
    assert together.pointwise == pytest.approx(alone.pointwise, abs=0.002)
    assert together.pointwise == pytest.approx(0.9, abs=0.002)
    # Independent ones: the sixth root of 0.9, less than Bonferroni's 1 - 0.1/6.
    apart = simultaneous(drawn(0.0, 40_000, 0), 0.9)
    assert apart.pointwise == pytest.approx(0.9 ** (1 / M), abs=0.002)


def test_at_least_the_level_of_the_draws_is_whole_inside_and_no_band_is_wider() -> None:
    draws = drawn(0.5, 999, 3)
    band = simultaneous(draws, 0.8)
    inside = np.mean(((draws >= band.lo) & (draws <= band.hi)).all(1))
    assert 0.8 <= inside < 0.81


def test_a_point_that_is_known_costs_nothing() -> None:
    draws = drawn(0.0, 2000, 4)[:, :1]
    both = np.column_stack([draws, np.full(2000, 7.0)])
    alone, band = simultaneous(draws, 0.9), simultaneous(both, 0.9)
    assert (band.lo[1], band.hi[1]) == (7.0, 7.0)
    assert band.lo[0] == alone.lo[0]


@pytest.mark.parametrize(
    ("draws", "level"),
    [(np.zeros((99, 2)), 0.9), (np.zeros(200), 0.9), (np.full((200, 1), np.nan), 0.9),
     (np.zeros((200, 1)), 0.0)],
)  # fmt: skip
def test_what_is_no_set_of_draws_is_refused(draws, level: float) -> None:
    with pytest.raises(BadOption):
        simultaneous(draws, level)
