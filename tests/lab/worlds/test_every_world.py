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
QUICK, MANY = 10, 40


@cache
def runs(name: str, seed: int = 0) -> RunTable:
    return worlds.get(name).runs(seed=seed)


def off(world: World, table: RunTable, **settings: float) -> float:
    """Median relative error of a table against theory."""
    return float(np.median(np.abs(table[world.predicts] / world.curve(table, **settings) - 1)))


def covers(world: World, table: RunTable, seed: int) -> bool:
    """Whether the 90 % interval of each exponent holds the theory's."""
    chosen = table.where(world.where) if world.where else table
    fitted = fit(chosen, world.law, objective="lsq-log", starts=16, seed=seed)
    found = assess(fitted, resamples=300, level=0.9, seed=seed).intervals
    return all(found[k][0] <= v <= found[k][1] for k, v in world.truth().items())


@pytest.mark.parametrize("name", NAMES)
def test_a_world_says_what_it_is_and_who_solved_it(name: str) -> None:
    world = worlds.get(name)
    assert world.name == name
    assert world.what.endswith(".")
    assert any(c.isdigit() for c in world.source)
    assert set(world.truth())
    assert 0 < world.tolerance <= 0.1


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_alone_decides_what_a_world_shows(name: str) -> None:
    world = worlds.get(name)
    again, other = world.runs(seed=0), runs(name, 1)
    np.testing.assert_array_equal(again[world.predicts], runs(name)[world.predicts])
    assert (again[world.predicts] != other[world.predicts]).any()


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_setting_is_refused(name: str) -> None:
    with pytest.raises(BadOption, match="no setting none_such"):
        worlds.get(name).runs(none_such=1.0)


@pytest.mark.parametrize("name", NAMES)
def test_the_simulation_is_within_tolerance_of_theory(name: str) -> None:
    world = worlds.get(name)
    errors = [off(world, runs(name, seed)) for seed in range(3)]
    assert max(errors) <= world.tolerance


@pytest.mark.parametrize("name", NAMES)
def test_theory_of_another_world_does_not_match(name: str) -> None:
    """The control: with some setting halved (or 1 for 0), theory leaves the tolerance."""
    world = worlds.get(name)
    wrong = [off(world, runs(name), **{k: v / 2 if v else 1.0}) for k, v in world.settings.items()]
    assert max(wrong) > 2 * world.tolerance


@pytest.mark.parametrize("name", NAMES)
def test_intervals_of_the_exponents_cover_theory(name: str) -> None:
    hits = [covers(worlds.get(name), runs(name, seed), seed) for seed in range(QUICK)]
    assert np.mean(hits) >= 0.7


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_intervals_of_the_exponents_cover_theory_in_many_worlds(name: str) -> None:
    hits = [covers(worlds.get(name), runs(name, seed), seed) for seed in range(MANY)]
    assert np.mean(hits) >= 0.85


def test_a_misspelt_world_is_answered_with_the_one_meant() -> None:
    with pytest.raises(UnknownName, match=NAMES[0]):
        worlds.get(NAMES[0] + "x")
