"""How often and how soon, against known answers and a slow twin."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, gamma

from forescale.maths.binomial import share_interval
from forescale.maths.success import gamma_mean_interval, successes


def test_the_interval_ends_where_the_best_gamma_is_as_unlikely_as_the_level_allows() -> None:
    x = gamma.rvs(3.0, scale=40.0, size=30, random_state=0)

    def best(mean: float) -> float:
        found = minimize(
            lambda k: -gamma.logpdf(x, np.exp(k[0]), scale=mean / np.exp(k[0])).sum(), [1.0]
        )
        return -found.fun

    for end in gamma_mean_interval(x, level=0.9):
        assert 2 * (best(x.mean()) - best(end)) == pytest.approx(chi2.ppf(0.9, 1), rel=1e-4)


def test_it_covers_the_mean_as_often_as_it_says_and_a_wrong_mean_less() -> None:
    ends = np.array(
        [
            gamma_mean_interval(gamma.rvs(0.8, scale=5.0, size=20, random_state=s), level=0.9)
            for s in range(300)
        ]
    )
    inside = (ends[:, 0] <= 4.0) & (ends[:, 1] >= 4.0)
    assert 0.84 < inside.mean() < 0.95
    assert ((ends[:, 0] <= 8.0) & (ends[:, 1] >= 8.0)).mean() < 0.5


def test_it_scales_with_its_unit() -> None:
    x = np.array([1.0, 2.0, 5.0])
    np.testing.assert_allclose(gamma_mean_interval(1e6 * x), 1e6 * np.array(gamma_mean_interval(x)))


def test_runs_that_never_succeed_count_against_the_rate_and_not_in_the_time() -> None:
    found = successes([100.0, 300.0, np.nan, np.inf], level=0.9)
    assert (found.hits, found.trials, found.rate, found.time) == (2, 4, 0.5, 200.0)
    assert found.rate_interval == share_interval(2, 4, level=0.9)
    assert found.time_interval[0] < 200 < found.time_interval[1]


@pytest.mark.parametrize(("times", "hits"), [([np.nan] * 3, 0), ([7.0, np.nan], 1)])
def test_fewer_than_two_successes_say_nothing_of_when(times, hits) -> None:
    found = successes(times)
    assert found.hits == hits
    assert found.time_interval == (0.0, np.inf)


def test_equal_times_leave_no_doubt_of_the_mean() -> None:
    assert successes([50.0] * 4).time_interval == (50.0, 50.0)


@pytest.mark.parametrize("times", [[], [0.0, 1.0], [-2.0]])
def test_no_runs_and_times_that_are_none_are_refused(times) -> None:
    with pytest.raises(ValueError, match="positive"):
        successes(times)
