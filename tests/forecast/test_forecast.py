"""Forecasts: places, intervals and what they hold."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forescale.errors import BadOption, ForescaleError, NotReached, UnknownName
from forescale.fit import Fit, fit
from forescale.forecast import forecast
from forescale.forecast.backtest import Backtest
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

World = Callable[..., RunTable]
Target = Callable[[float], dict[str, float]]


@pytest.fixture(scope="module")
def fitted(world: World) -> Fit:
    return assess(fit(world(1)), resamples=400)


def width(fit: Fit, at: dict[str, float], **options: object) -> float:
    band = forecast(fit, at, **{"test": False, **options}).points[0].band
    return np.log(band.hi / band.lo)


def test_the_median_is_the_laws_own_value_where_parameters_are_well_told(
    fitted: Fit, target: Target
) -> None:
    at = target(1e20)
    point = forecast(fitted, at, test=False).points[0]
    assert point.band.median == pytest.approx(fitted.predict(at)[()], rel=2e-3)
    planted = get("chinchilla")
    assert point.band.lo < planted.predict(at, planted.typical) < point.band.hi


def test_the_interval_of_a_run_holds_that_of_the_parameters(fitted: Fit, target: Target) -> None:
    for flops in (1e18, 3e19, 3e20, 3e21):
        point = forecast(fitted, target(flops), test=False).points[0]
        assert point.band.lo < point.parameters.lo < point.parameters.hi < point.band.hi


def test_intervals_widen_with_distance(fitted: Fit, target: Target) -> None:
    widths = [width(fitted, target(c)) for c in (1e19, 3e20, 3e21, 3e22)]
    assert widths == sorted(widths)
    assert widths[-1] > 1.5 * widths[0]


def test_intervals_widen_with_level_drift_and_inflation(fitted: Fit, target: Target) -> None:
    at = target(3e20)
    assert width(fitted, at, level=0.5) < width(fitted, at, level=0.9)
    assert width(fitted, at, drift=0.0) < width(fitted, at, drift=0.005)
    assert width(fitted, at, drift=0.005) < width(fitted, at, drift=0.02)
    made = forecast(fitted, at).backtest
    assert made is not None
    looks = [replace(c.look, miss=25 * c.look.own) for c in made.cuts]
    failed = replace(
        made, cuts=tuple(replace(c, look=v) for c, v in zip(made.cuts, looks, strict=True))
    )
    band = forecast(fitted, at, test=failed).points[0].band
    assert np.log(band.hi / band.lo) > 1.3 * width(fitted, at, test=made)


def test_drift_adds_nothing_inside_the_runs(fitted: Fit, target: Target) -> None:
    at = target(1e18)
    assert width(fitted, at, drift=0.0) == width(fitted, at, drift=0.5)
    assert np.log(width(fitted, at) / width(fitted, at, drift=0.0)) == pytest.approx(0, abs=1e-9)


def test_the_sources_of_doubt_add_up_and_are_where_they_should_be(
    fitted: Fit, target: Target
) -> None:
    near, far, farther = (
        forecast(fitted, target(c), test=False).points[0].shares for c in (1e18, 3e21, 3e22)
    )
    for shares in (near, far, farther):
        assert sum(shares.values()) == pytest.approx(1)
        assert min(shares.values()) >= 0
        # One law leaves no choice.
        assert shares["choice of law"] == pytest.approx(0, abs=1e-12)
    assert near["drift beyond the runs"] == 0
    assert near["noise of a run"] > 0.5
    assert far["drift beyond the runs"] > 0.3
    assert far["noise of a run"] > farther["noise of a run"]
    other = fit(fitted.runs, "coupled", starts=32)
    mixed = replace(fitted, rivals=((0.5, fitted), (0.5, assess(other, resamples=300))))
    told = forecast(mixed, target(3e22), test=False).points[0]
    assert 0 < told.shares["choice of law"] < 1
    assert told.to_dict()["shares"] == told.shares


def test_a_band_for_all_places_is_wider_than_each_alone_and_holds_the_mean(
    fitted: Fit, target: Target
) -> None:
    places = [target(c) for c in (3e18, 3e20, 3e21)]
    made = forecast(fitted, {k: np.array([p[k] for p in places]) for k in ("N", "D")}, test=False)
    joint = made.joint
    assert joint is not None
    for point, lo, hi in zip(made.points, joint.lo, joint.hi, strict=True):
        assert lo < point.band.lo < point.band.hi < hi
    # Bonferroni's bound, which independent places would need.
    assert 0.9 < joint.pointwise < 1 - 0.1 / 3
    assert joint.mean[0] < np.mean([p.band.median for p in made.points]) < joint.mean[1]
    assert made.to_dict()["joint"]["lo"] == list(joint.lo)
    assert forecast(fitted, places[0], test=False).joint is None


def test_a_run_among_the_runs_is_forecast_to_the_noise(fitted: Fit, target: Target) -> None:
    # Noise of 0.4 %: a 90 % interval is 2 x 1.64 x 0.4 % wide, and a little for the parameters.
    assert width(fitted, target(1e18)) == pytest.approx(2 * 1.645 * 0.004, rel=0.4)


@pytest.mark.parametrize("given", [("N", "D"), ("N", "C"), ("D", "C"), ("N", "D", "C")])
def test_any_two_of_n_d_and_c_tell_the_place(
    given: tuple[str, ...], fitted: Fit, target: Target
) -> None:
    full = {**target(1e20), "C": 1e20}
    point = forecast(fitted, {k: full[k] for k in given}, test=False).points[0]
    assert point.inputs["N"] == pytest.approx(full["N"])
    assert point.inputs["D"] == pytest.approx(full["D"])


def test_compute_follows_from_n_and_d_for_a_law_in_compute(power: World) -> None:
    found = forecast(fit(power(), "power"), {"N": 1e9, "D": 2e10}, test=False).points[0]
    assert found.inputs == {"C": pytest.approx(1.2e20)}


def test_names_people_use_are_understood(fitted: Fit) -> None:
    found = forecast(fitted, {"params": 1e9, "tokens": 2e10}, test=False).points[0]
    assert found.inputs == {"N": 1e9, "D": 2e10}


def test_many_places_are_forecast_at_once_and_single_values_go_with_all(fitted: Fit) -> None:
    found = forecast(fitted, {"N": [1e8, 1e9, 2e9], "D": 2e10}, test=False)
    assert [p.inputs for p in found.points] == [{"N": n, "D": 2e10} for n in (1e8, 1e9, 2e9)]
    losses = [p.band.median for p in found.points]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        ({"N": 1e9}, "D is missing"),
        ({}, "N, D is missing"),
        ({"N": -1e9, "D": 1e10}, "N is -1e"),
        ({"N": 0.0, "D": 1e10}, "N is 0"),
        ({"N": float("nan"), "D": 1e10}, "N is nan"),
        ({"N": float("inf"), "D": 1e10}, "N is inf"),
        ({"N": 1e9, "C": -1e20}, "C is -1e"),
        ({"N": [1e9, 2e9], "D": [1e10, 2e10, 3e10]}, "different lengths: N 2, D 3"),
        ({"N": [], "D": 1e10}, "different lengths"),
        ({"N": 1e9, "D": 1e10, "C": 1e18}, "do not agree"),
        ({"N": 1e9, "D": 1e10, "colour": 3.0}, "no input colour"),
    ],
)
def test_places_that_cannot_be_used_are_refused_in_one_line(
    at: dict[str, float], says: str, fitted: Fit
) -> None:
    with pytest.raises(BadOption, match=says) as caught:
        forecast(fitted, at, test=False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level: float, fitted: Fit) -> None:
    with pytest.raises(BadOption, match="level"):
        forecast(fitted, {"N": 1e9, "D": 1e10}, level=level)


def test_a_place_where_the_law_has_no_value_is_refused(power: World) -> None:
    table = power()
    fitted = fit(table, "L = E + A*C^-a + B*(C - 1e15)^-b", fix={"b": 0.5})
    with pytest.raises(NotReached, match="no finite value"):
        forecast(fitted, {"C": 1e14}, test=False)


def test_a_group_must_be_named_and_known(world: World) -> None:
    table = world(1).with_column("g", np.array(["a", "b"] * 18, object))
    grouped = assess(fit(table, by="g", free=("E",)), resamples=50)
    with pytest.raises(BadOption, match="--group"):
        forecast(grouped, {"N": 1e9, "D": 1e10})
    with pytest.raises(UnknownName, match="'c'"):
        forecast(grouped, {"N": 1e9, "D": 1e10}, group="c")
    assert forecast(grouped, {"N": 1e9, "D": 1e10}, group="a").points[0].group == "a"


def test_a_group_asked_of_a_fit_without_groups_is_refused(fitted: Fit) -> None:
    with pytest.raises(ForescaleError, match="group"):
        forecast(fitted, {"N": 1e9, "D": 1e10}, group="web", test=False)


def test_a_forecast_without_draws_makes_them(world: World) -> None:
    found = forecast(fit(world(1)), {"N": 1e9, "D": 2e10}, test=False, resamples=50)
    assert found.fit.draws is not None


def test_equal_seeds_give_equal_forecasts(world: World) -> None:
    at = {"N": 1e9, "D": 2e10}
    one, two = (forecast(fit(world(1), seed=4), at, resamples=60).to_dict() for _ in range(2))
    assert one == two
    assert forecast(fit(world(1), seed=5), at, resamples=60).to_dict() != one


def test_what_is_promised_stands_in_the_dictionary(fitted: Fit) -> None:
    data = forecast(fitted, {"N": 1e9, "D": 2e10}).to_dict()
    point = data["points"][0]
    assert point["inputs"] == {"N": 1e9, "D": 2e10}
    assert point["L"]["lo"] < point["L"]["median"] < point["L"]["hi"]
    assert data["level"] == 0.9
    assert isinstance(data["verdict"], str)


def test_scores_that_may_be_negative_are_forecast_on_their_own_scale() -> None:
    n = np.logspace(6, 9, 24)
    y = 0.8 - 4.0 * n**-0.2 + 0.01 * np.random.default_rng(0).normal(size=24)
    table = RunTable({"N": n, "accuracy": y})
    fitted = assess(fit(table, "accuracy = top - A*N^-a"), resamples=200)
    point = forecast(fitted, {"N": 1e10}).points[0]
    assert point.output == "accuracy"
    assert point.band.lo < 0.8 - 4.0 * 1e10**-0.2 < point.band.hi
    assert point.band.hi - point.band.lo < 0.3


def test_a_mixture_lies_between_its_laws_and_is_wider(world: World) -> None:
    table = world(1)
    best = assess(fit(table), resamples=300)
    other = assess(fit(table, "kaplan_joint"), resamples=300)
    at = {"N": 1e10, "D": 2e11}
    mixed = replace(best, rivals=((0.5, best), (0.5, other)))
    points = [forecast(f, at, test=False).points[0] for f in (best, other, mixed)]
    a, b, both = (p.parameters for p in points)
    assert min(a.lo, b.lo) <= both.lo <= both.hi <= max(a.hi, b.hi)
    assert both.hi - both.lo > 2 * min(a.hi - a.lo, b.hi - b.lo)


def covered(world: World, target: Target, seeds: range, factor: float) -> float:
    """Share of simulated worlds in which a new run lies inside its 90 % interval."""
    law = get("chinchilla")
    at = target(10**19.5 * factor)
    hits = []
    for seed in seeds:
        noise = np.exp(0.004 * np.random.default_rng([seed, 1]).normal())
        truth = float(law.predict(at, law.typical)) * noise
        fitted = assess(fit(world(seed), starts=32), resamples=150)
        band = forecast(fitted, at).points[0].band
        hits.append(band.lo <= truth <= band.hi)
    return float(np.mean(hits))


def test_ninety_per_cent_intervals_hold_runs_ten_times_larger(world: World, target: Target) -> None:
    assert covered(world, target, range(12), 10.0) >= 0.88


@pytest.mark.slow
@pytest.mark.parametrize("factor", [10.0, 100.0])
def test_ninety_per_cent_intervals_cover_in_many_worlds(
    factor: float, world: World, target: Target
) -> None:
    assert covered(world, target, range(100, 200), factor) >= 0.88


def test_a_backtest_already_made_is_not_made_again(fitted: Fit) -> None:
    made = forecast(fitted, {"N": 1e9, "D": 2e10})
    assert isinstance(made.backtest, Backtest)
    again = forecast(fitted, {"N": 1e9, "D": 2e10}, test=made.backtest)
    assert again.to_dict() == made.to_dict()
