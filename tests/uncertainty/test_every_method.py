"""What every method of uncertainty keeps; a new file in the room is tested by being there."""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pytest

from forescale import uncertainty
from forescale.errors import BadOption, ForescaleError, UnknownName
from forescale.fit import Fit, fit
from forescale.runs import RunTable
from forescale.uncertainty import assess

METHODS = [
    pytest.param(
        name,
        marks=[pytest.mark.skipif(find_spec("emcee") is None, reason="emcee is not installed")]
        if name == "posterior"
        else [],
    )
    for name in uncertainty.names()
]


@pytest.fixture(scope="module")
def fitted(grid: Callable[..., RunTable]) -> Fit:
    return fit(grid(seed=1))


@pytest.fixture(scope="module")
def grouped(grid: Callable[..., RunTable]) -> Fit:
    table = grid(seed=2)
    table = table.with_column("recipe", np.where(np.arange(30) % 2, "web", "books"))
    return fit(table, by="recipe", free=("E", "B"))


@pytest.mark.parametrize("method", METHODS)
def test_draws_have_a_row_per_resample_and_a_column_per_parameter(method: str, fitted: Fit) -> None:
    drawn = assess(fitted, method, resamples=50)
    assert drawn.draws is not None
    kept, p = drawn.draws.natural.shape
    assert p == len(fitted.names) == 5
    # What had no minimum is left out, and then a note says so.
    assert kept == 50 or (kept > 25 and drawn.draws.notes)
    assert np.isfinite(drawn.draws.natural).all()
    assert drawn.draws.method == method
    assert all(isinstance(note, str) for note in drawn.draws.notes)


@pytest.mark.parametrize("method", METHODS)
def test_the_fit_itself_is_left_as_it_was(method: str, fitted: Fit) -> None:
    drawn = assess(fitted, method, resamples=30)
    assert fitted.draws is None
    assert drawn.params == fitted.params


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_give_equal_draws_and_other_seeds_others(method: str, fitted: Fit) -> None:
    def draw(seed: int) -> np.ndarray:
        found = assess(fitted, method, resamples=40, seed=seed).draws
        assert found is not None
        assert found.seed == seed
        return found.natural

    np.testing.assert_array_equal(draw(3), draw(3))
    assert not np.array_equal(draw(3), draw(4))


@pytest.mark.parametrize("method", METHODS)
def test_two_workers_draw_what_one_does(method: str, fitted: Fit) -> None:
    # More than one block of resamples, or the second worker would have nothing to do.
    one = assess(fitted, method, resamples=300).draws
    two = assess(fitted, method, resamples=300, workers=2).draws
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.natural, two.natural)


@pytest.mark.parametrize("method", METHODS)
def test_intervals_widen_with_their_level_and_hold_the_fit(method: str, fitted: Fit) -> None:
    narrow = assess(fitted, method, resamples=200, level=0.5).intervals
    wide = assess(fitted, method, resamples=200, level=0.95).intervals
    for name, value in fitted.params.items():
        assert wide[name][0] < narrow[name][0] < narrow[name][1] < wide[name][1]
        assert wide[name][0] < value < wide[name][1]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_what_it_is_for_and_where_it_comes_from(method: str) -> None:
    found = uncertainty.get(method)
    assert found.name == method
    assert found.what
    assert any(year.isdigit() and len(year) == 4 for year in found.source.replace(",", " ").split())


@pytest.mark.parametrize("method", METHODS)
def test_groups_keep_their_own_parameters(method: str, grouped: Fit) -> None:
    drawn = assess(grouped, method, resamples=60, cluster=None)
    assert drawn.draws is not None
    assert drawn.draws.natural.shape[1] == 7
    assert set(drawn.intervals) == {
        "A",
        "alpha",
        "beta",
        *(f"{n}[{g}]" for n in "EB" for g in ("books", "web")),
    }
    for name, (lo, hi) in drawn.intervals.items():
        assert lo < hi, name


def test_an_unknown_method_names_the_known_ones(fitted: Fit) -> None:
    with pytest.raises(UnknownName, match="pairs"):
        assess(fitted, "jackknife")


@pytest.mark.parametrize("level", [0.0, 1.0, 1.5, -0.1, float("nan")])
def test_a_level_that_is_no_probability_is_refused(level: float, fitted: Fit) -> None:
    with pytest.raises(BadOption, match="level"):
        assess(fitted, level=level)


def test_too_few_resamples_are_refused(fitted: Fit) -> None:
    with pytest.raises(BadOption, match="resamples"):
        assess(fitted, resamples=5)


def test_a_cluster_column_that_is_not_there_is_named(fitted: Fit) -> None:
    with pytest.raises(ForescaleError, match="no column 'nosuch'"):
        assess(fitted, cluster="nosuch")


def test_what_the_draws_lost_is_a_doubt_of_the_fit(grid: Callable[..., RunTable]) -> None:
    from forescale.fit import Draws
    from forescale.uncertainty import _doubts

    def severities(kept: int) -> list[str]:
        draws = Draws("pairs", np.ones((kept, 1)), 0, (f"{100 - kept} were left out",))
        return [f.severity for f in _doubts(draws, 100)]

    assert [severities(n) for n in (99, 80, 30)] == [["note"], ["warn"], ["fail"]]
    assert _doubts(Draws("pairs", np.ones((100, 1)), 0), 100) == []
    clustered = assess(fit(grid()), cluster="group", resamples=30)
    assert [f.message for f in clustered.flags if f.name == "intervals"] == [
        "only 6 clusters: cluster intervals are rough"
    ]
    again = assess(clustered, "bayesian", resamples=30)
    assert not any(f.name == "intervals" for f in again.flags)
