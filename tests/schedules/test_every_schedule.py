"""What every schedule keeps; a new file in the room is tested by being there."""

from __future__ import annotations

import numpy as np
import pytest

from forescale import schedules
from forescale.errors import BadOption

NAMES = schedules.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_says_what_and_whence_it_is(name: str) -> None:
    schedule = schedules.get(name)
    assert schedule.name == name
    assert schedule.what.endswith(".")
    assert schedule.source


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (1, 1), (2, 1), (100, 0), (100, 7), (9, 9)])
def test_there_is_a_share_of_the_peak_for_every_step(name: str, steps: int, warmup: int) -> None:
    factors = schedules.get(name).factors(steps, warmup=warmup)
    assert factors.shape == (steps,)
    assert np.isfinite(factors).all()
    assert (factors >= 0).all()
    assert factors.max() <= 1.0 + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_the_warm_up_is_a_straight_line_to_the_peak(name: str) -> None:
    factors = schedules.get(name).factors(200, warmup=20)
    np.testing.assert_allclose(factors[:20], np.arange(1, 21) / 20)


@pytest.mark.parametrize("name", NAMES)
def test_it_does_not_rise_after_the_warm_up_unless_it_is_cyclic(name: str) -> None:
    factors = schedules.get(name).factors(500, warmup=20)[20:]
    falls = bool((np.diff(factors) <= 1e-12).all())
    assert falls is (name != "cyclic")


@pytest.mark.parametrize("name", NAMES)
def test_a_schedule_that_finishes_ends_near_zero(name: str) -> None:
    schedule = schedules.get(name)
    last = schedule.factors(1000, warmup=10)[-1]
    assert bool(last < 0.04) is schedule.finishes


@pytest.mark.parametrize("name", NAMES)
def test_the_shape_does_not_depend_on_the_number_of_steps(name: str) -> None:
    schedule = schedules.get(name)
    short, long = schedule.factors(100, warmup=10), schedule.factors(1000, warmup=100)
    np.testing.assert_allclose(short[10:], long[100::10], atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_stray_settings_and_impossible_numbers_are_refused(name: str) -> None:
    schedule = schedules.get(name)
    with pytest.raises(BadOption, match="no setting colour"):
        schedule.factors(10, colour=1.0)
    with pytest.raises(BadOption, match="11 steps of warm-up in a run of 10"):
        schedule.factors(10, warmup=11)
    with pytest.raises(BadOption):
        schedule.factors(0)


@pytest.mark.parametrize(
    ("name", "settings", "at", "expected"),
    [
        # Shares of a run of 1000 steps without warm-up.
        ("constant", {}, 0.9, 1.0),
        ("linear", {}, 0.25, 0.75),
        ("linear", {"end": 0.2}, 0.5, 0.6),
        ("cosine", {}, 0.5, 0.5),
        ("cosine", {}, 1 / 3, 0.75),
        ("cosine", {"end": 0.1}, 0.5, 0.55),
        ("wsd", {"decay": 0.2}, 0.79, 1.0),
        ("wsd", {"decay": 0.2}, 0.85, 0.5),
        ("inverse_sqrt", {"shift": 0.01}, 0.04, 0.5),
        ("inverse_sqrt", {"shift": 0.01}, 0.005, 1.0),
        ("cyclic", {"cycles": 4.0}, 0.125, 1.0),
        ("cyclic", {"cycles": 4.0, "low": 0.2}, 0.25, 0.2),
        ("cyclic", {"cycles": 4.0}, 0.3125, 0.5),
    ],
)
def test_values_at_given_points(name: str, settings, at: float, expected: float) -> None:
    factors = schedules.get(name).factors(1000, **settings)
    assert factors[round(at * 1000)] == pytest.approx(expected, abs=0.01)
