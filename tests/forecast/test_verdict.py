"""Whether to bet: a clean simulated case is trusted, and every reason against can be met."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forescale.fit import Fit, Flag, fit
from forescale.forecast import Forecast, forecast
from forescale.forecast.backtest import Backtest
from forescale.runs import RunTable, read
from forescale.uncertainty import assess

World = Callable[..., RunTable]
Target = Callable[[float], dict[str, float]]


@pytest.fixture(scope="module")
def fitted(world: World) -> Fit:
    return assess(fit(world(1)), resamples=300)


@pytest.fixture(scope="module")
def clean(fitted: Fit, target: Target) -> Forecast:
    return forecast(fitted, target(10**20.5))


def made(clean: Forecast, **changes: object) -> Backtest:
    """The clean backtest with every cut changed."""
    assert clean.backtest is not None
    return replace(clean.backtest, cuts=tuple(replace(c, **changes) for c in clean.backtest.cuts))


def test_a_clean_case_ten_times_beyond_is_trusted(clean: Forecast) -> None:
    assert clean.trusted
    assert clean.verdict.reasons == ()
    assert clean.verdict.text.startswith("extrapolates 10x beyond the largest C")
    assert "backtest at 10x: error" in clean.verdict.text
    assert "not to be trusted" not in clean.verdict.text
    assert repr(clean).endswith("trusted)")


def test_a_place_among_the_runs_says_so(fitted: Fit, target: Target) -> None:
    assert forecast(fitted, target(1e18)).verdict.text.startswith("within the range of the runs")


def test_the_farthest_of_several_places_decides(fitted: Fit, target: Target) -> None:
    near, far = target(1e18), target(10**20.5)
    both = forecast(fitted, {k: [near[k], far[k]] for k in near})
    assert both.verdict.text.startswith("extrapolates 10x beyond the largest C")


def test_a_grave_doubt_about_the_fit_is_a_reason(clean: Forecast, target: Target) -> None:
    ill = replace(clean.fit, flags=(Flag("unidentified", "fail", "the data say nothing of E"),))
    found = forecast(ill, target(10**20.5), test=clean.backtest)
    assert found.verdict.reasons == ("the data say nothing of E",)
    assert not found.trusted
    assert "not to be trusted because the data say nothing of E" in found.verdict.text


def test_a_warning_about_the_fit_is_no_reason(clean: Forecast, target: Target) -> None:
    doubted = replace(clean.fit, flags=(Flag("narrow range", "warn", "N spans little"),))
    assert forecast(doubted, target(10**20.5), test=clean.backtest).trusted


def test_a_parameter_at_its_bound_is_a_reason_beyond_what_was_tested(
    clean: Forecast, target: Target
) -> None:
    held = replace(clean.fit, at_bound=np.array([True, False, False, False, False]))
    near = forecast(held, target(10**20.5), test=made(clean, factor=12.0))
    assert near.trusted
    far = forecast(held, target(10**20.5), test=made(clean, factor=5.0))
    assert len(far.verdict.reasons) == 1
    assert far.verdict.reasons[0].startswith("E at the bound: the runs do not tell it")


def test_no_backtest_is_a_reason(clean: Forecast, target: Target) -> None:
    found = forecast(clean.fit, target(10**20.5), test=False)
    assert found.verdict.reasons == ("no backtest was made",)


def test_a_backtest_that_could_not_be_made_says_why(power: World) -> None:
    found = forecast(fit(power(5), "power"), {"C": 2e21}, resamples=50)
    assert any("too few to hold any out" in r for r in found.verdict.reasons)


def test_losing_to_a_straight_line_is_a_reason(clean: Forecast, target: Target) -> None:
    beaten = made(clean, error_pct=3.0, rivals={"straight line": 1.0, "best so far": 9.0})
    found = forecast(clean.fit, target(10**20.5), test=beaten)
    assert found.verdict.reasons == (
        "a straight line on log-log forecast the held-out runs better (1 % against 3 %)",
    )


def test_reaching_far_past_the_backtest_is_a_reason(clean: Forecast, target: Target) -> None:
    short = made(clean, factor=1.2)
    found = forecast(clean.fit, target(10**19.5 * 50), test=short)
    assert "the backtest reaches only 1.2x" in found.verdict.reasons


def test_intervals_that_failed_badly_are_a_reason(clean: Forecast, target: Target) -> None:
    failed = made(clean, z=6.0)
    found = forecast(clean.fit, target(10**20.5), test=failed)
    assert any("times what the intervals allow" in r for r in found.verdict.reasons)


def test_intervals_that_were_widened_say_so(clean: Forecast, target: Target) -> None:
    # The coverage quoted is from before the widening; the two must stand together.
    assert "widened" not in clean.verdict.text
    assert clean.backtest is not None
    look = clean.backtest.cuts[-1].look
    narrow = made(clean, look=replace(look, miss=25 * (look.own + 0.01 * look.change)))
    found = forecast(clean.fit, target(10**20.5), test=narrow)
    assert f"intervals widened {narrow.widening:.2g}x" in found.verdict.text


def test_past_two_decades_is_a_reason(fitted: Fit, clean: Forecast, target: Target) -> None:
    found = forecast(fitted, target(10**19.5 * 300), test=clean.backtest)
    assert any("past two decades" in r for r in found.verdict.reasons)
    assert not found.trusted


def test_an_interval_that_decides_nothing_is_a_reason(world: World, target: Target) -> None:
    noisy = assess(fit(world(2, noise=0.08)), resamples=200)
    found = forecast(noisy, target(10**20.5))
    assert any("% wide" in r for r in found.verdict.reasons)


def test_a_law_that_misses_the_bend_is_not_trusted(world: World, target: Target) -> None:
    # Control: no floor in the law, a floor in the world.
    found = forecast(fit(world(1), "chinchilla_no_floor"), target(10**20.5), resamples=100)
    assert found.backtest is not None
    assert found.backtest.widening > 1.1
    assert not found.trusted
    assert any("no better than by a straight line" in r for r in found.verdict.reasons)
    band = found.points[0].band
    assert np.log(band.hi / band.lo) > 0.05


@pytest.mark.parametrize(
    ("header", "told"), [("err_avg46", True), ("val_acc_error", True), ("ce", False)]
)
def test_a_rate_of_error_fitted_as_a_loss_is_not_trusted_far_out(header: str, told: bool) -> None:
    c = np.logspace(18, 21, 24)
    error = np.exp(0.002 * np.random.default_rng(0).normal(size=24))
    columns = {"flops": c.tolist(), header: ((0.3 + 300 / c**0.15) * error).tolist()}
    fitted = assess(fit(read(columns, map={"loss": header}), "power"), resamples=100)
    near, far = (forecast(fitted, {"C": v}).verdict for v in (2e21, 1e22))
    assert near.trusted
    assert far.trusted is not told
    assert any("reads as an error rate" in r for r in far.reasons) is told
