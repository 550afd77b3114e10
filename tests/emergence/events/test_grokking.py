"""Forecasts of late generalisation: planted worlds in which signs tell, and some in which not."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from forescale.emergence.events import _accelerated, _signs
from forescale.emergence.events._held_out import Told, held_out, scored, told
from forescale.emergence.events._told import Known, Teller, waited
from forescale.emergence.events.grokking import forecast_grokking, known
from forescale.errors import BadOption, BadTable

STEPS = np.unique(np.geomspace(1, 3000, 60).round())


def run(rng, task: str, *, telling: bool = True, slow: float = 1.0) -> Known:
    """A run whose weight norm falls at a rate that sets when it generalises; a third never do."""
    never = rng.random() < 0.3
    time = slow * 10 ** rng.uniform(1.8, 3.2)
    pace = (1e-9 if never else 1 / time) if telling else 10 ** rng.uniform(-4, -2)
    time *= np.exp(rng.normal(0, 0.4))
    there = np.zeros(len(STEPS), bool) if never else time <= STEPS
    noise = rng.normal(0, 0.02, len(STEPS))
    curves = {
        "train_loss": np.maximum(3 * np.exp(-STEPS / 20), 1e-3),
        "test_loss": np.where(there, 0.1, 5.0) * np.exp(noise),
        "train_accuracy": np.where(STEPS > 60, 1.0, 0.3),
        "test_accuracy": np.where(there, 0.97, 0.05),
        "weight_norm": 30 * np.exp(-STEPS * pace) + 10 * np.exp(0.1 * noise),
    }
    return known(task, STEPS, curves, {"lr": 1e-3, "weight_decay": 1.0})


def world(seed: int, *, telling: bool = True, slow=(1, 1, 1, 1)) -> list[Known]:
    rng = np.random.default_rng(seed)
    return [
        run(rng, f"task {k}", telling=telling, slow=s)
        for k, s in enumerate(slow)
        for _ in range(25)
    ]


@pytest.fixture(scope="module")
def runs() -> list[Known]:
    return world(0)


def names_of(runs: list[Known]) -> tuple[str, ...]:
    return tuple(_signs.signs(runs[0].steps, runs[0].curves, 50, runs[0].settings))


def test_signs_are_heights_and_slopes_on_scales_without_units() -> None:
    t = np.geomspace(1, 1000, 31)
    found = _signs.signs(
        t,
        {"train_loss": t**-0.5, "test_accuracy": np.full(31, 0.5), "weight_norm": 7 * t**0.25},
        1000,
        {"lr": 1e-2, "weight_decay": 0.1},
    )
    assert found["train_loss"] == pytest.approx(-0.5 * math.log(1000))
    assert found["train_loss_slope"] == pytest.approx(-0.5)
    assert found["test_accuracy"] == pytest.approx(0)
    assert found["weight_norm"] == pytest.approx(0.25 * math.log(1000))
    assert found["shrunk"] == pytest.approx(math.log1p(1))


def test_what_comes_later_is_not_read(runs) -> None:
    one = runs[0]
    cut = one.steps <= 90
    short = {n: c[cut] for n, c in one.curves.items()}
    assert _signs.signs(one.steps, one.curves, 90) == _signs.signs(one.steps[cut], short, 90)


def test_an_accelerated_model_finds_planted_effects_through_censoring() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2000, 2))
    logs = 1.0 + 0.8 * x[:, 0] + 0.3 * rng.logistic(size=2000)
    end = rng.uniform(0, 3, 2000)
    found = _accelerated.fit(x, np.minimum(logs, end), logs <= end, np.ones(2000), ridge=1e-6)
    assert found.beta / found.spread == pytest.approx([0.8, 0.0], abs=0.05)
    assert found.sigma == pytest.approx(0.3, abs=0.03)
    assert found.index(np.zeros((1, 2))) == pytest.approx([1.0], abs=0.05)
    # A missing measurement counts as the mean.
    assert found.index(np.full((1, 2), np.nan)) == pytest.approx([found.constant])


def test_signs_that_tell_beat_the_curve_of_waiting_times(runs) -> None:
    names = names_of(runs)
    read, blind = held_out(runs, names), scored(tuple(told(runs, None)))
    assert read.forecasts == blind.forecasts > 120
    assert read.auc > 0.9 > 0.7 > blind.auc
    assert read.error < 0.6 * blind.error
    assert read.brier < blind.brier


def test_intervals_hold_what_they_promise(runs) -> None:
    assert 0.8 <= held_out(runs, names_of(runs)).coverage <= 1.0


def test_signs_that_tell_nothing_are_said_to(runs) -> None:
    silent = world(1, telling=False)
    found = held_out(silent, names_of(silent))
    assert 0.3 < found.auc < 0.7
    assert found.coverage >= 0.75
    one = next(r for r in silent if r.time > 500)
    made = forecast_grokking(one.steps, one.curves, until=200, settings=one.settings, known=silent)
    assert any("hardly told" in d for d in made.doubts)


def test_a_forecast_is_about_the_run(runs) -> None:
    rng = np.random.default_rng(9)
    tried = [run(rng, "new") for _ in range(30)]
    late = [r for r in tried if r.time > 600]
    made = [
        forecast_grokking(r.steps, r.curves, until=200, settings=r.settings, known=runs)
        for r in late
    ]
    came = np.array([r.came for r in late])
    chance = np.array([m.chance for m in made])
    assert chance[came].min() > chance[~came].max()
    assert (
        np.mean([m.lo <= r.time <= m.hi for m, r in zip(made, late, strict=True) if r.came]) > 0.6
    )
    one = made[0]
    assert one.chance_by(one.by) == one.chance
    assert one.memorised == STEPS[STEPS > 60][0]
    data = json.loads(json.dumps(one.to_dict(), allow_nan=False))
    assert data["kind"] == "grok_forecast"
    assert {"chance", "median", "held_out", "doubts"} <= set(data)
    assert "in tasks left out" in one.summary()
    assert "\n" not in repr(one)


def test_a_task_at_another_pace_is_missed_by_the_clock_and_not_by_signs_that_tell() -> None:
    mixed = world(2, slow=(1, 1, 1, 0.05))

    def coverage(names: tuple[str, ...], odd: bool) -> float:
        return scored([t for t in told(mixed, names) if (t.task == "task 3") == odd]).coverage

    assert coverage(("step",), True) < 0.6
    assert coverage(("step",), False) > 0.9
    assert coverage(names_of(mixed), True) > 0.85


def test_waiting_times_alone_know_who_has_waited(runs) -> None:
    curve, alike = waited(runs, 100)
    later = [r for r in runs if r.time > 100]
    assert alike == len(later)
    never = np.mean([not r.came for r in later])
    assert np.isinf(curve).mean() == pytest.approx(never, abs=0.01)


def test_a_run_far_from_all_is_named(runs) -> None:
    one = next(r for r in runs if r.time > 500)
    odd = {**one.curves, "test_loss": 1e6 * one.curves["test_loss"]}
    made = forecast_grokking(one.steps, odd, until=100, known=runs)
    assert "test_loss" in made.outside


def test_a_run_longer_than_all_is_doubted(runs) -> None:
    one = next(r for r in runs if not r.came)
    steps = np.r_[one.steps, 30_000.0]
    curves = {n: np.r_[c, c[-1]] for n, c in one.curves.items()}
    made = forecast_grokking(steps, curves, settings=one.settings, known=runs)
    assert any("longer than known runs" in d for d in made.doubts)
    assert made.by == 60_000


def test_scores_are_those_of_their_definitions() -> None:
    rows = [
        Told("a", 0.5, True, 0.9, 0.3, 0.0, 0.4, 1.0),
        Told("a", 0.5, True, 0.2, 0.3, 0.4, 0.8, 1.0),
        Told("a", 0.5, False, 0.2, 0.0, 0.0, 0.0, 1.0),
    ]
    found = scored(rows)
    assert found.auc == pytest.approx(0.75)
    assert found.error == pytest.approx(0.3)
    assert found.coverage == 0.5
    assert found.brier == pytest.approx((0.01 + 0.64 + 0.04) / 3)
    assert scored([]).to_dict()["auc"] is None


def test_bad_input_is_named(runs) -> None:
    one = next(r for r in runs if r.came and r.time > 200)
    read = {"settings": one.settings, "known": runs}
    with pytest.raises(BadTable, match="generalised by step"):
        forecast_grokking(one.steps, one.curves, **read)
    with pytest.raises(BadTable, match="no curve test_loss"):
        forecast_grokking(STEPS, {"train_loss": np.ones(len(STEPS))}, **read)
    with pytest.raises(BadOption, match="no known curve 'spin'"):
        forecast_grokking(STEPS, {**one.curves, "spin": STEPS}, until=50, **read)
    with pytest.raises(BadOption, match="until is 3"):
        forecast_grokking(one.steps, one.curves, until=3, **read)
    with pytest.raises(BadTable, match="do not ascend"):
        forecast_grokking(one.steps[::-1], one.curves, until=50, **read)
    with pytest.raises(BadTable, match=r"shape \(2,\)"):
        forecast_grokking(one.steps, {**one.curves, "margin": [1, 2]}, until=50, **read)


def test_known_runs_that_were_too_short_say_nothing(runs) -> None:
    brief = Known("a", np.array([1.0, 2.0]), {}, {}, 2.0, True)
    assert len(Teller([*runs, brief], ("step",)).known) == len([r for r in runs if r.time > 8])
