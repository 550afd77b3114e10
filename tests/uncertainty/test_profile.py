"""Profile likelihood: exact where theory is, open where the data never rule a value out."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import t as student

from forescale.errors import UnknownName
from forescale.fit import fit
from forescale.runs import RunTable
from forescale.uncertainty import assess, profile

Tables = Callable[..., RunTable]


def straight() -> tuple[RunTable, np.ndarray, np.ndarray]:
    """A straight line with noise, its least-squares coefficients and their half widths."""
    rng = np.random.default_rng(2)
    x = np.linspace(1.0, 9.0, 12)
    y = 3.0 + 0.5 * x + 0.2 * rng.normal(size=12)
    design = np.stack([np.ones(12), x], axis=1)
    c, *_ = np.linalg.lstsq(design, y, rcond=None)
    s2 = ((y - design @ c) ** 2).sum() / 10
    half = student.ppf(0.95, 10) * np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * s2)
    return RunTable({"C": x, "L": y}), c, half


def test_on_a_line_the_profile_is_the_exact_t_interval() -> None:
    table, c, half = straight()
    fitted = fit(table, "a + b*C", objective="lsq")
    for name, value, width in zip("ab", c, half, strict=True):
        found = profile(fitted, name, level=0.9)
        np.testing.assert_allclose(found.interval, [value - width, value + width], rtol=2e-3)


def test_the_profile_is_lowest_at_the_fit(line: Tables) -> None:
    fitted = fit(line(12), "power")
    found = profile(fitted, "alpha")
    lowest = found.values[np.argmin(found.drop)]
    assert lowest == pytest.approx(fitted.params["alpha"], abs=0.02)
    assert found.drop.min() > -1e-6
    assert found.interval[0] < fitted.params["alpha"] < found.interval[1]


def test_profile_and_bootstrap_agree_where_parameters_are_well_told(grid: Tables) -> None:
    fitted = fit(grid(seed=4), objective="lsq-log")
    drawn = assess(fitted, "sandwich", resamples=2000).intervals
    for name in ("E", "alpha", "beta"):
        lo, hi = profile(fitted, name).interval
        assert hi - lo == pytest.approx(drawn[name][1] - drawn[name][0], rel=0.35)


def test_an_end_that_the_data_never_rule_out_is_open() -> None:
    # A flat loss: the amplitude may be nothing at all, and the exponent anything.
    rng = np.random.default_rng(3)
    table = RunTable({"C": np.logspace(18, 21, 10), "L": 2.0 * np.exp(0.01 * rng.normal(size=10))})
    fitted = fit(table, "power", fix={"alpha": 0.3})
    lo, hi = profile(fitted, "A").interval
    assert lo == 0.0
    assert 0.0 < hi < np.inf


def test_a_second_valley_that_fits_as_well_is_part_of_the_interval() -> None:
    # A flat loss is a floor, or else no floor and an exponent of nothing.
    rng = np.random.default_rng(3)
    table = RunTable({"C": np.logspace(18, 21, 10), "L": 2.0 * np.exp(0.01 * rng.normal(size=10))})
    found = profile(fit(table, "power"), "E")
    assert found.interval[0] == 0.0
    assert 2.0 < found.interval[1] < 2.1


def test_a_bound_is_the_end_where_the_data_do_not_stop_before_it(line: Tables) -> None:
    fitted = fit(line(8, noise=0.05, seed=1), "power")
    lo, hi = profile(fitted, "E").interval
    assert lo >= 0.0
    assert hi > fitted.params["E"]


def test_profile_intervals_stand_in_the_fit(line: Tables) -> None:
    found = assess(fit(line(12), "power"), "profile", resamples=50)
    assert found.draws is not None
    assert found.draws.method == "sandwich"
    assert found.intervals == {n: profile(found, n).interval for n in found.names}


def test_profile_covers_the_planted_exponent(line: Tables) -> None:
    inside = 0
    for seed in range(14):
        fitted = fit(line(10, seed=seed), "power", starts=32)
        lo, hi = profile(fitted, "alpha", points=15).interval
        inside += lo <= 0.15 <= hi
    assert 11 <= inside <= 14


def test_a_profile_of_a_group_parameter_moves_that_group_alone(line: Tables) -> None:
    table = line(16)
    y = table["L"] * np.where(np.arange(16) % 2, 1.1, 1.0)
    table = RunTable({"C": table["C"], "L": y, "g": np.array(["a", "b"] * 8, object)})
    fitted = fit(table, "power", by="g", free=("E",))
    a, b = profile(fitted, "E[a]").interval, profile(fitted, "E[b]").interval
    assert a[0] < fitted.params["E[a]"] < a[1]
    assert b[0] < fitted.params["E[b]"] < b[1]


def test_an_unknown_parameter_is_named(line: Tables) -> None:
    with pytest.raises(UnknownName, match="gamma"):
        profile(fit(line(8), "power"), "gamma")
