"""Scores and naive forecasts, against numbers worked out by hand."""

import numpy as np
import pytest

from forescale.fit import specify
from forescale.forecast.rivals import best_so_far, line
from forescale.forecast.scores import coverage, interval_score, pinball
from forescale.runs import RunTable


def test_coverage_counts_what_lies_inside_ends_included() -> None:
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    assert coverage(truth, np.array([1.0, 0.0, 4.0, 0.0]), np.array([2.0, 1.0, 5.0, 4.0])) == 0.5


@pytest.mark.parametrize(
    ("quantile", "forecast", "loss"), [(0.9, 9.0, 0.9), (0.9, 11.0, 0.1), (0.5, 8.0, 1.0)]
)
def test_pinball_charges_the_quantile_for_its_side(
    quantile: float, forecast: float, loss: float
) -> None:
    found = pinball(np.array([10.0]), quantile, np.array([forecast]))
    assert found == pytest.approx(loss)


def test_the_median_of_the_truth_has_the_least_pinball_loss() -> None:
    truth = np.random.default_rng(0).lognormal(size=501)
    best = pinball(truth, 0.5, np.full(501, np.median(truth)))
    for other in (np.mean(truth), np.quantile(truth, 0.4), np.quantile(truth, 0.6)):
        assert best < pinball(truth, 0.5, np.full(501, other))


def test_interval_score_is_width_plus_twenty_misses_at_ninety_per_cent() -> None:
    lo, hi = np.array([1.0, 1.0]), np.array([2.0, 2.0])
    assert interval_score(np.array([1.5, 2.5]), lo, hi, 0.9) == pytest.approx(1.0 + 20 * 0.5 / 2)


def test_best_so_far_is_the_lowest_loss_everywhere() -> None:
    table = RunTable({"C": np.array([1e18, 1e19, 1e20]), "L": np.array([3.0, 2.5, 2.6])})
    spec = specify(table, "power")
    np.testing.assert_array_equal(best_so_far(table, spec, {"C": np.ones(2)}), [2.5, 2.5])


def test_a_straight_line_continues_a_pure_power_law_exactly() -> None:
    c = np.logspace(18, 20, 5)
    table = RunTable({"C": c, "L": 900 * c**-0.15})
    found = line(table, specify(table, "power"), {"C": np.array([1e23])})
    assert found[0] == pytest.approx(900 * 1e23**-0.15, rel=1e-9)


def test_a_plane_continues_a_product_of_two_powers_exactly() -> None:
    rng = np.random.default_rng(0)
    x = {"N": 10 ** rng.uniform(7, 9, 12), "D": 10 ** rng.uniform(9, 11, 12)}
    table = RunTable({**x, "L": 50 * x["N"] ** -0.1 * x["D"] ** -0.05})
    at = {"N": np.array([1e10]), "D": np.array([1e12])}
    found = line(table, specify(table, "chinchilla"), at)
    assert found[0] == pytest.approx(50 * 1e10**-0.1 * 1e12**-0.05, rel=1e-9)


def test_a_line_enters_runs_and_places_alike_where_a_place_is_zero() -> None:
    n = np.array([10.0, 100.0, 1000.0, 1e4])
    table = RunTable({"C": n, "L": 3.0 - 0.1 * np.log1p(n / np.median(n))})
    spec = specify(table, "power")
    here = line(table, spec, {"C": np.array([0.0, 100.0])})
    assert 2.5 < here[1] < here[0] < 4.0
