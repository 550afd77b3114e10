"""Variance by choice: closed forms, a slow plain twin, and designs with holes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.multiverse._split import flip_rates, split


def design(*sizes: int) -> np.ndarray:
    return np.array(list(product(*(range(m) for m in sizes))), np.intp)


def test_effects_that_add_up_are_split_exactly() -> None:
    index = design(2, 3)
    y = np.array([0.0, 6.0])[index[:, 0]] + np.array([0.0, 1.0, 2.0])[index[:, 1]]
    found = split(index, (2, 3), y)
    # Variances 9 and 2/3.
    np.testing.assert_allclose(found.first, [9 / (9 + 2 / 3), (2 / 3) / (9 + 2 / 3)])
    np.testing.assert_allclose(found.total, found.first)
    np.testing.assert_allclose(found.effects[0], [1.0, 7.0])
    np.testing.assert_allclose(found.effects[1], [3.0, 4.0, 5.0])
    assert found.complete
    assert found.pairs == pytest.approx({(0, 1): 0.0}, abs=1e-12)


def test_a_choice_that_only_turns_another_around_has_no_share_alone() -> None:
    index = design(2, 2, 2)
    y = (-1.0) ** (index[:, 0] + index[:, 1])
    found = split(index, (2, 2, 2), y)
    np.testing.assert_allclose(found.first, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.total, [1.0, 1.0, 0.0], atol=1e-12)
    assert found.pairs == pytest.approx({(0, 1): 1.0, (0, 2): 0.0, (1, 2): 0.0}, abs=1e-12)


def slow(index: np.ndarray, y: np.ndarray, i: int) -> tuple[float, float]:
    """First-order and total share of choice i, from their definitions."""
    options = np.unique(index[:, i])
    first = np.var([y[index[:, i] == k].mean() for k in options])
    others = [tuple(r) for r in np.delete(index, i, axis=1)]
    inside = [y[[o == c for o in others]].var() for c in set(others)]
    return first / y.var(), float(np.mean(inside)) / y.var()


@given(
    sizes=st.lists(st.integers(2, 3), min_size=1, max_size=3),
    seed=st.integers(0, 10_000),
)
def test_a_complete_design_has_sobols_indices(sizes: list[int], seed: int) -> None:
    index = design(*sizes)
    y = np.random.default_rng(seed).normal(size=len(index))
    found = split(index, sizes, y)
    for i in range(len(sizes)):
        np.testing.assert_allclose((found.first[i], found.total[i]), slow(index, y, i))
    assert (found.first <= found.total + 1e-12).all()
    assert found.first.sum() <= 1 + 1e-12


def test_holes_do_not_move_effects_that_add_up() -> None:
    index = design(3, 4, 2)
    y = index[:, 0] * 2.0 + np.array([0.0, 5.0, 1.0, -2.0])[index[:, 1]]
    # More holes at high levels of the first choice: plain means would be biased.
    keep = np.random.default_rng(0).random(len(y)) > 0.2 * index[:, 0]
    found = split(index[keep], (3, 4, 2), y[keep])
    assert not found.complete
    assert found.pairs is None
    np.testing.assert_allclose(np.diff(found.effects[0]), 2.0)
    np.testing.assert_allclose(np.diff(found.effects[1]), [5.0, -4.0, -3.0])
    assert found.first[2] == pytest.approx(0.0, abs=1e-12)
    assert found.total[2] == pytest.approx(0.0, abs=1e-12)
    plain = [y[keep][index[keep, 0] == k].mean() for k in range(3)]
    assert not np.allclose(np.diff(plain), 2.0)


def test_choices_that_were_only_made_together_are_told() -> None:
    index = np.array([[0, 0], [1, 1], [0, 0], [1, 1]])
    found = split(index, (2, 2), np.array([0.0, 1.0, 0.1, 1.1]))
    assert found.confounded == (0, 1)
    for effect in found.effects:
        np.testing.assert_allclose(np.diff(effect), 0.5)
    assert split(design(2, 2), (2, 2), np.arange(4.0)).confounded == ()


def test_a_third_choice_is_told_beside_two_that_are_not() -> None:
    # Options 2 of the first and 1 of the second always go together; the third is free.
    index = np.array([[a, b, c] for a, b in ((0, 0), (1, 0), (2, 1)) for c in range(2)])
    y = np.array([0.0, 1.0, 4.0])[index[:, 0]] + 3.0 * index[:, 2]
    found = split(index, (3, 2, 2), y)
    assert found.confounded == (0, 1)
    np.testing.assert_allclose(np.diff(found.effects[2]), 3.0)
    np.testing.assert_allclose(found.effects[0][1] - found.effects[0][0], 1.0)
    assert (found.total >= found.first).all()


def test_an_option_without_universes_has_no_mean() -> None:
    index = design(2, 3)
    keep = index[:, 1] != 2
    found = split(index[keep], (2, 3), index[keep, 0] * 1.0)
    assert np.isnan(found.effects[1][2])
    assert np.isfinite(found.first).all()


def test_universes_that_agree_have_nothing_to_split() -> None:
    found = split(design(2, 2), (2, 2), np.full(4, 0.3) + 1e-14 * np.arange(4))
    assert (found.first == 0).all() and (found.total == 0).all()


def test_flips_are_counted_over_pairs_that_differ_in_one_choice() -> None:
    index = design(3, 2, 2)
    yes = np.random.default_rng(3).random(len(index)) > 0.4
    for i, rate in enumerate(flip_rates(index, (3, 2, 2), yes)):
        seen = [
            yes[a] != yes[b]
            for a in range(len(index))
            for b in range(a)
            if (np.flatnonzero(index[a] != index[b]) == [i]).all()
            and (index[a] != index[b]).sum() == 1
        ]
        assert rate == pytest.approx(np.mean(seen))
