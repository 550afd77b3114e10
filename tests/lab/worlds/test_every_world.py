"""The contract of a world, over the whole folder: a new one is tested by being there."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from forescale.errors import BadOption, UnknownName
from forescale.fit import fit
from forescale.lab import worlds
from forescale.lab.worlds import World
from forescale.runs import RunTable
from forescale.uncertainty import assess

NAMES = worlds.names()
LEVEL = 0.9


@cache
def runs(name: str, seed: int = 0) -> RunTable:
    return worlds.get(name).runs(seed=seed)


def off(world: World, table: RunTable, **settings: float) -> float:
    """Median relative distance of the simulation from theory."""
    with np.errstate(all="ignore"):
        theory = world.curve(table, **settings)
    return float(np.median(np.abs(table[world.predicts] / theory - 1)))


@pytest.mark.parametrize("name", NAMES)
def test_a_world_says_what_it_is_and_who_solved_it(name: str) -> None:
    world = worlds.get(name)
    assert isinstance(world, World)
    assert world.name == name
    assert world.what.endswith(".")
    assert any(c.isdigit() for c in world.source)
    assert 0 < world.tolerance <= 0.2
    table = runs(name)
    assert world.predicts in table
    assert len(table.where(world.where) if world.where else table) >= 6
    assert world.truth()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_runs(name: str) -> None:
    again = worlds.get(name).runs(seed=0)
    for column, values in runs(name).columns.items():
        np.testing.assert_array_equal(again[column], values)
    target = worlds.get(name).predicts
    assert (runs(name, 1)[target][: len(again)] != again[target][: len(runs(name, 1))]).any()


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused_and_the_known_are_named(name: str) -> None:
    world = worlds.get(name)
    for call in (world.runs, lambda **s: world.curve(runs(name), **s), world.truth):
        with pytest.raises(BadOption, match="no setting no_such_thing") as error:
            call(no_such_thing=1.0)
        assert all(setting in str(error.value) for setting in world.settings)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAMES)
def test_simulation_agrees_with_theory(name: str, seed: int) -> None:
    world = worlds.get(name)
    assert off(world, runs(name, seed)) <= world.tolerance


@pytest.mark.parametrize("name", NAMES)
def test_simulation_does_not_agree_with_the_theory_of_another_setting(name: str) -> None:
    world = worlds.get(name)
    worst = max(
        off(world, runs(name), **{setting: value / 2 if value else 1.0})
        for setting, value in world.settings.items()
    )
    assert worst > 2 * world.tolerance


def hits(name: str, seeds: range) -> list[bool]:
    """Whether each exponent's interval holds the value of theory, over seeds."""
    world = worlds.get(name)
    found = []
    for seed in seeds:
        table = world.runs(seed=seed)
        table = table.where(world.where) if world.where else table
        fitted = fit(table, world.law, objective="lsq-log", starts=16, seed=seed)
        assessed = assess(fitted, "residual", resamples=200, level=LEVEL, seed=seed)
        for parameter, value in world.truth().items():
            low, high = assessed.intervals[parameter]
            found.append(low <= value <= high)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_intervals_of_an_exponent_hold_that_of_theory(name: str) -> None:
    found = hits(name, range(6))
    # Intervals of 90 % that hold in at most half of six cases come up once in 60.
    assert np.mean(found) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_intervals_of_an_exponent_hold_that_of_theory_in_most_seeds(name: str) -> None:
    assert np.mean(hits(name, range(100, 140))) >= 0.85


def test_a_misspelt_world_is_answered_with_the_one_meant() -> None:
    if NAMES:
        with pytest.raises(UnknownName, match=f"did you mean.*'{NAMES[0]}'"):
            worlds.get(NAMES[0][:-1])
