"""A check by simulation: planted worlds in which coverage and what is needed are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import forescale as fs
from forescale.errors import BadOption
from forescale.fit import Fit, fit
from forescale.forecast import forecast
from forescale.forecast.check import Check, Share, _outcome, _tasks, check
from forescale.forecast.check.design import copied, design
from forescale.forecast.check.farther import farther
from forescale.forecast.check.needed import needed
from forescale.forecast.check.rerun import Analysis, answers
from forescale.forecast.check.shared import Shared, estimate
from forescale.forecast.check.worlds import noise_of, worlds
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

SIZES, TOKENS = 20, 6


def table(seed: int, *, alone: float = 0.002, together: float = 0.0) -> RunTable:
    """Twenty sizes by six token counts under the Chinchilla law; a size may err as a whole."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.arange(SIZES), TOKENS)
    x = {
        "N": np.logspace(7, 9.5, SIZES)[size],
        "D": np.tile(np.logspace(8.5, 11, TOKENS), SIZES),
    }
    law = get("chinchilla")
    error = alone * rng.normal(size=len(size)) + together * rng.normal(size=SIZES)[size]
    return RunTable({**x, "L": law.predict(x, law.typical) * np.exp(error)})


def in_world(fitted: Fit, name: str, tables: int, shared: Shared | None = None):
    """The outcome of one world, without the forecasts in whole, which take most of the time."""
    at = {"N": np.array([1e10]), "D": np.array([3e11])}
    noise = noise_of(fitted, tables, 1, 0)
    found, _ = worlds(fitted, at, noise, shared, group=None, seed=0)
    (world,) = [w for w in found if w.name == name]
    tasks = [[replace(t, whole=False) for t in row] for row in _tasks([world], tables, shared, 0)]
    kept = [row[0] for row in answers(Analysis(fitted, at, 0.9), tasks, 1)]
    return _outcome(world, kept, [{"N": 1e10, "D": 3e11}], fitted.names)


def test_where_the_law_is_right_intervals_hold_what_they_promise() -> None:
    fitted = assess(fit(table(0), starts=32), "pairs", resamples=100)
    found = in_world(fitted, "as fitted", 30)
    assert 0.75 <= found.places[0].own.value <= 0.99
    assert abs(found.places[0].bias_pct) < 0.3
    every = [s.value for s in found.params.values()]
    assert len(every) == 5
    assert 0.75 <= np.mean(every) <= 0.99


def test_shared_errors_are_found_and_only_whole_groups_drawn_cover_under_them() -> None:
    runs = table(1, alone=0.001, together=0.006)
    fitted = assess(fit(runs, starts=32), "pairs", resamples=100)
    shared = estimate(fitted)
    assert shared is not None
    assert shared.by == "N"
    assert shared.told
    # Planted: 36/37 of the variance.
    assert shared.lo <= 36 / 37 <= shared.hi + 0.03
    found = in_world(fitted, "shared errors", 30, shared).places[0]
    assert found.own.badly_below(0.9)
    assert found.clustered is not None
    assert found.clustered.value > found.own.value + 0.15
    assert found.clustered.interval[1] >= 0.85
    # The control: the same analysis where nothing is shared.
    assert not in_world(fitted, "as fitted", 16).places[0].own.badly_below(0.9)


def test_the_shared_part_is_estimated_without_bias_and_not_seen_where_there_is_none() -> None:
    many = [estimate(fit(table(s, alone=0.003, together=0.003), starts=16)) for s in range(12)]
    ratio = np.array([s.spread / 0.003 for s in many if s is not None and s.by == "N"])
    assert len(ratio) >= 9
    assert np.median(ratio) == pytest.approx(1.0, abs=0.3)
    none = [estimate(fit(table(s), starts=16)) for s in range(12)]
    assert sum(s is not None and s.told for s in none) <= 2


def straight(seed: int = 0, n: int = 40, noise: float = 0.05) -> tuple[RunTable, Fit]:
    """Runs on a line in x, fitted by least squares: all variances are known in closed form."""
    rng = np.random.default_rng(seed)
    x = np.linspace(1.0, 10.0, n)
    runs = RunTable({"x": x, "L": 2.0 + 0.3 * x + noise * rng.normal(size=n)})
    fitted = fit(runs, "E + s*x", objective="lsq")
    return runs, assess(fitted, "sandwich", resamples=4000)


def test_the_variance_of_a_design_is_the_textbooks_and_simulation_agrees() -> None:
    runs, fitted = straight()
    x, there, noise = runs["x"], 9.0, 0.05
    at = {"x": np.array([there])}
    alone = np.arange(len(x), dtype=np.intp)
    made = design(fitted, runs, at, group=None, together=alone, alone=noise, spread=0.0)
    wanted = noise**2 * (1 / len(x) + (there - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
    assert made.variance()[0] == pytest.approx(wanted, rel=1e-6)
    drawn = noise * np.random.default_rng(1).normal(size=500)
    assert made.simulated(drawn, 2000, 0) == pytest.approx(wanted, rel=0.12)
    # Three copies of every run, in the same groups or in others.
    thrice = copied(runs, 3)
    groups = np.zeros(len(x), np.intp) + (np.arange(len(x)) % 8)
    same = design(fitted, thrice, at, group=None, together=np.tile(groups, 3), alone=noise,
                  spread=noise)  # fmt: skip
    apart = np.concatenate([groups + 8 * k for k in range(3)])
    other = replace(same, together=apart)
    first = replace(made, together=groups, spread=noise).variance()[1]
    assert same.variance()[0] == pytest.approx(wanted / 3, rel=1e-6)
    assert same.variance()[1] == pytest.approx(first, rel=1e-6)
    assert other.variance()[1] == pytest.approx(first / 3, rel=1e-6)


@pytest.mark.parametrize(("narrower", "times"), [(2.0, 4), (3.0, 9)])
def test_a_line_needs_as_many_times_more_runs_as_the_square_of_how_much_narrower(
    narrower: float, times: int
) -> None:
    _, fitted = straight()
    # Within the runs, where nothing drifts.
    made = forecast(fitted, {"x": 9.5}, test=False)
    noise = noise_of(fitted, 10, 1, 0)
    now = needed(fitted, made, noise, None).now_pct
    found = needed(fitted, made, noise, None, wanted=now / narrower / 100 * 1.001)
    (way,) = found.ways
    assert way.factor == times
    assert way.runs == 40 * times
    assert way.width_pct == pytest.approx(now / narrower, rel=1e-3)
    assert way.verified_pct == pytest.approx(way.width_pct, rel=0.25)
    assert found.parts == {"parameters": pytest.approx(1.0)}
    assert f"{times}x the runs" in found.verdict


def test_more_runs_in_the_same_groups_cannot_mend_what_groups_share() -> None:
    fitted = assess(fit(table(1, alone=0.001, together=0.006), starts=32), "pairs", resamples=100)
    # At the edge of the runs, where nothing wanders off the law.
    made = forecast(fitted, {"N": 3e9, "D": 1e11}, test=False)
    noise, shared = noise_of(fitted, 10, 1, 0), estimate(fitted)
    now = needed(fitted, made, noise, shared, wanted=1.0)
    assert "already" in now.verdict
    found = needed(fitted, made, noise, shared, wanted=0.6 * now.now_pct / 100)
    ways = {w.name: w for w in found.ways}
    assert ways["runs"].factor is None
    assert ways["runs"].width_pct > found.wanted_pct
    assert ways["groups"].factor is not None
    assert ways["groups"].verified_pct == pytest.approx(ways["groups"].width_pct, rel=0.25)
    assert "no number of runs at the same places" in found.verdict
    assert "shared errors" in found.verdict


def test_what_wanders_beyond_the_runs_shrinks_as_they_come_nearer() -> None:
    fitted = assess(fit(table(1), starts=32), "pairs", resamples=100)
    made = forecast(fitted, {"N": 1e10, "D": 3e11}, test=False)
    found = needed(fitted, made, noise_of(fitted, 10, 1, 0), estimate(fitted))
    assert max(found.parts, key=lambda k: found.parts[k]) == "drift and misfit beyond the runs"
    ways = {w.name: w for w in found.ways}
    assert ways["runs"].factor is None
    assert "drift and misfit" in found.verdict
    assert ways["larger"].factor is not None
    assert ways["larger"].factor > 1
    assert ways["larger"].width_pct <= 1.02 * found.wanted_pct < found.floor_pct


@pytest.fixture(scope="module")
def fitted() -> Fit:
    c = np.logspace(18, 21, 20)
    error = np.exp(0.003 * np.random.default_rng(0).normal(size=20))
    runs = RunTable({"C": c, "L": (1.8 + 900.0 / c**0.15) * error})
    return assess(fit(runs, "power", starts=32), "sandwich", resamples=100)


@pytest.fixture(scope="module")
def checked(fitted: Fit) -> Check:
    return check(fitted, {"C": 1e22}, tables=10)


def test_a_check_has_every_world_and_says_itself_as_plain_values(checked: Check) -> None:
    names = [o.name for o in checked.outcomes]
    assert names == ["as fitted", "heavy tails", "under-tuned", "another law", "drift"]
    assert any("no groups" in s for s in checked.skipped)
    assert checked.world("another law").params == {}
    assert set(checked.world("drift").params) == {"E", "A", "alpha"}
    assert {o.places[0].own.of for o in checked.outcomes} == {10}
    assert {o.places[0].ours.of for o in checked.outcomes} == {2}
    data = json.loads(json.dumps(checked.to_dict()))
    assert (data["schema"], data["kind"]) == (1, "check")
    assert data["worlds"][0]["places"][0]["parameters_only"]["of"] == 10
    assert repr(checked).startswith("Check(power, 5 worlds x 10 tables")
    assert checked.verdict in checked.summary()
    assert "<pre>" in checked._repr_html_()
    with pytest.raises(BadOption, match="no world 'heaven'"):
        checked.world("heaven")


def test_the_answer_does_not_depend_on_the_workers(fitted: Fit, checked: Check) -> None:
    two = check(fitted, {"C": 1e22}, tables=10, workers=2)
    assert two.to_dict() == checked.to_dict()


def test_an_interruption_keeps_what_was_done(fitted: Fit, checked: Check) -> None:
    def stop_after(n: int):
        seen = [0]

        def tick(steps: int) -> None:
            seen[0] += steps
            if seen[0] == n:
                raise KeyboardInterrupt

        return tick

    part = check(fitted, {"C": 1e22}, tables=30, tick=stop_after(10))
    assert part.stopped
    assert part.tables == 10
    assert not checked.stopped
    with pytest.raises(KeyboardInterrupt):
        check(fitted, {"C": 1e22}, tables=30, tick=stop_after(3))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tables": 5}, "5 tables"),
        ({"width": -0.1}, "width"),
        ({"width": float("nan")}, "width"),
        ({"level": 1.2}, "level"),
    ],
)
def test_numbers_that_cannot_be_used_are_refused(fitted: Fit, options, said: str) -> None:
    with pytest.raises(BadOption, match=said):
        check(fitted, {"C": 1e22}, **options)


def test_python_takes_runs_or_a_fit_and_refuses_to_fit_a_fit(fitted: Fit) -> None:
    with pytest.raises(BadOption, match="a fit already"):
        fs.check(fitted, uncertainty="pairs")
    made = fs.check(
        fitted.runs, "power", at={"C": 1e22}, tables=10, uncertainty="sandwich", resamples=50
    )
    assert made.fit.law.name == "power"
    assert made.tables == 10


def test_a_place_beyond_the_runs_is_ten_times_the_largest(fitted: Fit) -> None:
    assert farther(fitted) == {"C": pytest.approx(1e22)}
    both = fit(table(0), starts=16)
    assert farther(both)["C"] == pytest.approx(10 * 6 * 10**9.5 * 1e11)
    alike = farther(both, along=False)
    assert 6 * alike["N"] * alike["D"] == pytest.approx(farther(both)["C"])


def test_a_counted_share_says_how_sure_it_is() -> None:
    assert Share(61, 100).text == "61 % [52, 69]"
    assert Share(61, 100).badly_below(0.9)
    assert not Share(8, 10).badly_below(0.9)
    assert Share(0, 0).text == "-"
    assert not Share(0, 0).badly_below(0.9)
