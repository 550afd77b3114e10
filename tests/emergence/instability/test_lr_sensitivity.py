"""Learning rate sensitivity against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from forescale.emergence.instability.lr_sensitivity import lr_sensitivity
from forescale.errors import BadTable, TooFewRuns

RATES = np.geomspace(3e-4, 3e-1, 7)


def test_on_an_even_grid_it_is_the_mean_above_the_best() -> None:
    loss = np.array([3.0, 2.5, 2.0, 2.1, 2.6, 9.0, math.nan])
    plain = np.minimum(np.nan_to_num(loss, nan=np.inf), 5.0)
    found = lr_sensitivity(RATES, loss, 5.0)
    assert found.value == pytest.approx(plain.mean() - plain.min())
    assert found.best_lr == RATES[2]
    assert not found.at_edge


def test_rates_that_crowd_weigh_no_more_than_one_alone() -> None:
    def curve(lr):
        return 2.0 + 0.3 * np.abs(np.log10(lr) + 1.5)

    even = lr_sensitivity(np.geomspace(1e-3, 1, 61), curve(np.geomspace(1e-3, 1, 61)), 9.0)
    uneven = np.r_[np.geomspace(1e-3, 1e-1, 21), np.geomspace(1e-1, 1, 91)[1:]]
    assert lr_sensitivity(uneven, curve(uneven), 9.0).value == pytest.approx(even.value, abs=0.01)


def test_a_network_that_bears_every_rate_has_none_and_one_that_bears_one_has_most() -> None:
    assert lr_sensitivity(RATES, np.full(7, 2.0), 5.0).value == pytest.approx(0.0)
    only = np.full(7, np.inf)
    only[3] = 2.0
    assert lr_sensitivity(RATES, only, 5.0).value == pytest.approx(3.0 * 6 / 7)


def test_the_interval_holds_the_planted_value_about_as_often_as_it_says() -> None:
    mean = np.array([3.0, 2.5, 2.0, 2.1, 2.6, 4.0, 5.0])
    truth = mean.mean() - mean.min()
    rng = np.random.default_rng(0)
    hits = 0
    for i in range(60):
        loss = mean + 0.05 * rng.normal(size=(4, 7))
        lo, hi = lr_sensitivity(np.tile(RATES, 4), loss.ravel(), 9.0, seed=i).interval
        hits += lo <= truth <= hi
    assert 48 <= hits <= 60


def test_one_run_a_rate_gives_no_interval_and_says_so() -> None:
    found = lr_sensitivity(RATES, np.linspace(2, 3, 7), 5.0)
    assert math.isnan(found.interval[0])
    assert "add seeds" in found.summary()
    assert "AT THE EDGE" in repr(found)
    assert found.to_dict()["interval"] is None


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(BadTable, match="2 rates and 1 losses"):
        lr_sensitivity([1e-3, 1e-2], [1.0], 5.0)
    with pytest.raises(BadTable, match="not above 0"):
        lr_sensitivity([0.0, 1e-2], [1.0, 2.0], 5.0)
    with pytest.raises(BadTable, match="initial loss"):
        lr_sensitivity([1e-3, 1e-2], [1.0, 2.0], math.nan)
    with pytest.raises(TooFewRuns, match="1 learning rate"):
        lr_sensitivity([1e-2, 1e-2], [1.0, 2.0], 5.0)
