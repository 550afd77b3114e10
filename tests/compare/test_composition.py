"""Log-ratios of shares, and partial correlations that know no reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.compare import composition as co
from forescale.errors import BadOption, BadTable


def shares(seed: int = 0, n: int = 60, parts: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(parts, parts))
    return co.close(np.exp(rng.normal(size=(n, parts)) @ mix))


@given(seed=st.integers(0, 1000))
def test_log_ratios_do_not_see_the_total_and_keep_distances(seed: int) -> None:
    p = shares(seed, 8)
    scaled = p * np.random.default_rng(seed).uniform(0.1, 9, (8, 1))
    for transform in (co.alr, co.clr, co.ilr):
        np.testing.assert_allclose(transform(scaled), transform(p), atol=1e-9)
    np.testing.assert_allclose(co.clr(p).sum(axis=1), 0, atol=1e-9)
    far = np.linalg.norm(co.clr(p)[0] - co.clr(p)[1])
    assert np.linalg.norm(co.ilr(p)[0] - co.ilr(p)[1]) == pytest.approx(far)


def test_two_parts_give_the_textbook_coordinate() -> None:
    p = np.array([[0.8, 0.2]])
    assert co.ilr(p)[0, 0] == pytest.approx(np.log(4) / np.sqrt(2))
    assert co.alr(p)[0, 0] == pytest.approx(np.log(4))


@pytest.mark.parametrize("reference", range(5))
def test_partial_correlations_are_those_of_ratios_to_any_reference(reference: int) -> None:
    p = shares(1)
    whole = co.partial_correlations(p)
    # The plain twin: invert the covariance of the additive log-ratios.
    theta = np.linalg.inv(np.cov(co.alr(p, reference), rowvar=False))
    twin = -theta / np.sqrt(np.outer(np.diag(theta), np.diag(theta)))
    keep = np.delete(np.arange(5), reference)
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(whole[np.ix_(keep, keep)][off], twin[off], atol=1e-10)


@pytest.mark.parametrize("reference", range(5))
def test_what_drives_an_outcome_knows_no_reference_either(reference: int) -> None:
    p = shares(2)
    y = np.log(p[:, 0]) - np.log(p[:, 3]) + 0.3 * np.random.default_rng(0).normal(size=60)
    found = co.drives(p, y[:, None])[:, 0]
    keep = np.delete(np.arange(5), reference)
    both = np.column_stack([co.alr(p, reference), y])
    theta = np.linalg.inv(np.cov(both, rowvar=False))
    twin = -theta[:-1, -1] / np.sqrt(np.diag(theta)[:-1] * theta[-1, -1])
    np.testing.assert_allclose(found[keep], twin, atol=1e-10)
    # A weight of two is a row that stands there twice.
    once = np.ones((1, 60))
    once[0, :7] = 2
    twice = np.concatenate([np.arange(60), np.arange(7)])
    np.testing.assert_allclose(
        co.drives(p, y[:, None], once)[0], co.drives(p[twice], y[twice, None]), atol=1e-9
    )


def test_a_log_contrast_returns_its_planted_coefficients() -> None:
    p = shares(3)
    b = np.array([1.0, -2.0, 0.5, 0.5, 0.0])
    found, explained = co.contrast(p, (4 + np.log(p) @ b)[:, None])
    np.testing.assert_allclose(found[:, 0], b, atol=1e-9)
    assert explained[0] == pytest.approx(1)


def test_zeros_become_a_small_share_and_the_other_ratios_stay() -> None:
    raw = np.array([[0.0, 2.0, 6.0], [1.0, 1.0, 2.0]])
    filled, zeros = co.replace_zeros(raw)
    assert zeros == 1
    assert filled[0, 0] == pytest.approx(0.65 * 0.25)
    assert filled[0, 2] / filled[0, 1] == pytest.approx(3)
    np.testing.assert_allclose(filled.sum(axis=1), 1)
    np.testing.assert_allclose(filled[1], raw[1] / 4)


def test_bad_shares_are_one_clear_line() -> None:
    for parts, says in (
        ([[1.0, -1.0]], "part 2 of row 1 is -1"),
        ([[1.0, np.nan]], "nan"),
        ([[1.0, 1.0], [0.0, 0.0]], "all parts of row 2 are zero"),
    ):
        with pytest.raises(BadTable, match=says):
            co.close(np.array(parts))
    with pytest.raises(BadOption, match="would take"):
        co.replace_zeros(np.array([[0.0, 0.0, 1.0]]), 0.5)
    with pytest.raises(BadTable, match="4 rows for 5 parts"):
        co.partial_correlations(shares(0, 4))
    twins = shares(0)
    twins[:, 1] = 2 * twins[:, 0]
    with pytest.raises(BadTable, match="fixed ratio"):
        co.partial_correlations(co.close(twins))
