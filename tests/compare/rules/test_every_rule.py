"""The contract of a rule, over the whole folder: a new one is tested by being there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.compare import rules

NAMES = rules.names()


def drawn(seed: int, missing: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 7), rng.integers(2, 9)
    scores = rng.normal(size=(n, m))
    scores[rng.random((n, m)) < missing] = np.nan
    return scores


def points(name: str, scores: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    one = np.ones((1, scores.shape[1])) if weights is None else weights
    return rules.get(name).points(scores, one)


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    rule = rules.get(name)
    assert rule.name == name
    assert rule.what.endswith(".")
    assert any(c.isdigit() for c in rule.source)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10_000), missing=st.sampled_from([0.0, 0.3]))
def test_no_rule_looks_at_names_of_systems_or_metrics(name: str, seed: int, missing: float) -> None:
    scores = drawn(seed, missing)
    rng = np.random.default_rng(seed)
    i, j = rng.permutation(len(scores)), rng.permutation(scores.shape[1])
    np.testing.assert_allclose(
        points(name, scores[i][:, j])[0], points(name, scores)[0][i], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10_000))
def test_a_system_that_is_first_everywhere_is_first(name: str, seed: int) -> None:
    scores = drawn(seed)
    scores[0] = scores.max(axis=0) + 1
    found = points(name, scores)[0]
    assert found[0] > found[1:].max()


@pytest.mark.parametrize("name", [n for n in NAMES if rules.get(n).scale_free])
@given(seed=st.integers(0, 10_000), missing=st.sampled_from([0.0, 0.3]))
def test_only_the_order_within_a_metric_counts(name: str, seed: int, missing: float) -> None:
    scores = drawn(seed, missing)
    stretched = np.exp(scores * 10.0 ** np.linspace(-1, 1, scores.shape[1]))
    np.testing.assert_array_equal(points(name, scores), points(name, stretched))


@pytest.mark.parametrize("name", [n for n in NAMES if rules.get(n).condorcet])
@given(seed=st.integers(0, 10_000), missing=st.sampled_from([0.0, 0.3]))
def test_a_condorcet_rule_puts_the_condorcet_winner_first(
    name: str, seed: int, missing: float
) -> None:
    scores = drawn(seed, missing)
    n = len(scores)
    # The plain twin: duels counted one by one.
    wins = np.zeros(n)
    for a in range(n):
        for b in range(n):
            more, less = (scores[a] > scores[b]).sum(), (scores[a] < scores[b]).sum()
            wins[a] += more > less
    found = points(name, scores)[0]
    for winner in np.flatnonzero(wins == n - 1):
        assert (found[winner] > np.delete(found, winner)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_weight_of_two_is_a_metric_that_counts_twice(name: str) -> None:
    scores = drawn(3, 0.2)
    weights = np.ones((1, scores.shape[1]))
    weights[0, 0] = 2
    twice = np.concatenate([scores, scores[:, :1]], axis=1)
    np.testing.assert_allclose(points(name, scores, weights), points(name, twice), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_system_without_any_score_gives_no_nan(name: str) -> None:
    scores = np.array([[1.0, 2.0], [np.nan, np.nan], [0.5, 3.0]])
    assert not np.isnan(points(name, scores)).any()


#: Tennessee's capital: the cities as systems, four blocks of voters as weighted metrics.
CITIES = -np.array([[1, 4, 4, 4], [2, 1, 3, 3], [3, 2, 1, 2], [4, 3, 2, 1]], float)
VOTERS = np.array([[42.0, 26.0, 15.0, 17.0]])


def test_the_textbook_election_has_its_known_winners() -> None:
    # Memphis, Nashville, Chattanooga, Knoxville; Borda's counts are 126, 194, 173, 107.
    borda = points("borda", CITIES, VOTERS)[0]
    np.testing.assert_allclose(borda * 300, [126, 194, 173, 107])
    np.testing.assert_allclose(points("plurality", CITIES, VOTERS)[0] * 100, [42, 26, 15, 17])
    assert points("copeland", CITIES, VOTERS)[0].tolist() == [-3, 3, 1, -1]
    assert points("condorcet", CITIES, VOTERS)[0].tolist() == [0, 1, 0, 0]
    assert int(np.argmax(points("minimax", CITIES, VOTERS)[0])) == 1


def test_a_circle_of_majorities_has_no_condorcet_winner() -> None:
    circle = np.array([[3.0, 1, 2], [2, 3, 1], [1, 2, 3]])
    assert points("condorcet", circle)[0].tolist() == [0, 0, 0]
    assert points("copeland", circle)[0].tolist() == [0, 0, 0]
