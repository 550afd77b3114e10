"""Weighted conformal quantiles and risk thresholds: known answers, coverage, and what breaks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.errors import BadOption
from forescale.uncertainty.conformal import risk_threshold, weighted_quantile

LISTS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 1)), min_size=1, max_size=40)


def plain(scores, weights, level: float) -> float:
    """The definition, one score after the other."""
    total = 1 + sum(weights)
    for q in sorted(scores):
        if sum(w for s, w in zip(scores, weights, strict=True) if s <= q) >= level * total - 1e-12:
            return q
    return np.inf


@given(LISTS, st.floats(0.01, 0.99))
def test_it_is_the_definition(pairs, level: float) -> None:
    scores, weights = [s for s, _ in pairs], [w for _, w in pairs]
    assert weighted_quantile(scores, weights, level=level) == plain(scores, weights, level)


@pytest.mark.parametrize(("n", "rank"), [(9, 9), (19, 18), (99, 90), (8, None)])
def test_without_weights_it_is_split_conformal(n: int, rank: int | None) -> None:
    found = weighted_quantile(np.arange(1.0, n + 1), level=0.9)
    assert found == (np.inf if rank is None else rank)


def test_a_weight_of_zero_is_a_score_that_is_not_there() -> None:
    scores = np.arange(1.0, 31)
    weights = (scores > 11).astype(float)
    assert weighted_quantile(scores, weights, level=0.9) == weighted_quantile(
        scores[11:], level=0.9
    )


def test_several_sets_at_once_are_each_alone() -> None:
    rng = np.random.default_rng(0)
    scores, weights = rng.normal(size=(5, 40)), 0.95 ** np.arange(40)[::-1]
    together = weighted_quantile(scores, weights, level=0.8)
    assert together.tolist() == [weighted_quantile(s, weights, level=0.8) for s in scores]


def test_exchangeable_scores_are_covered_exactly_with_or_without_weights() -> None:
    rng = np.random.default_rng(1)
    scores, new = rng.exponential(size=(20_000, 50)), rng.exponential(size=20_000)
    even = np.mean(new <= weighted_quantile(scores, level=0.9))
    # ceil(0.9 * 51) / 51
    assert even == pytest.approx(46 / 51, abs=4 * np.sqrt(0.1 * 0.9 / 20_000))
    weighted = np.mean(new <= weighted_quantile(scores, 0.97 ** np.arange(50), level=0.9))
    assert 0.895 < weighted < 0.94


@given(LISTS, st.floats(0.05, 0.95))
def test_the_threshold_of_a_miss_is_the_quantile(pairs, level: float) -> None:
    scores = np.round([s for s, _ in pairs], 3)
    weights = [w for _, w in pairs]
    grid = np.unique(scores)
    losses = (scores[:, None] > grid).astype(float)
    found = risk_threshold(losses, grid, weights, risk=1 - level)
    assert found == weighted_quantile(scores, weights, level=level)


def test_a_bounded_loss_is_kept_at_its_risk_and_no_lower_than_need_be() -> None:
    rng = np.random.default_rng(2)
    grid = np.linspace(0, 4, 81)
    known, new = np.abs(rng.normal(size=(2000, 100))), np.abs(rng.normal(size=2000))

    def loss(x):
        return np.clip(x[..., None] - grid, 0, 1)

    at = risk_threshold(loss(known), grid, risk=0.1)
    met = np.clip(new - at, 0, 1)
    assert 0.08 < met.mean() < 0.1 + 3 * met.std() / np.sqrt(len(met))


def test_too_few_cases_leave_no_setting() -> None:
    assert risk_threshold(np.zeros((8, 3)), [1.0, 2.0, 3.0], risk=0.1) == np.inf
    assert risk_threshold(np.zeros((9, 3)), [1.0, 2.0, 3.0], risk=0.1) == 1.0


@pytest.mark.parametrize(
    ("scores", "weights", "level", "said"),
    [
        ([1.0, np.nan], None, 0.9, "not a number"),
        ([1.0, 2.0], [1.0], 0.9, "shape"),
        ([1.0, 2.0], [1.0, 2.0], 0.9, "a weight is 2"),
        ([1.0, 2.0], [1.0, np.nan], 0.9, "a weight is nan"),
        ([1.0, 2.0], None, 1.0, "no probability"),
    ],
)
def test_what_cannot_be_used_is_refused(scores, weights, level, said) -> None:
    with pytest.raises(BadOption, match=said):
        weighted_quantile(scores, weights, level=level)


@pytest.mark.parametrize(
    ("losses", "grid", "risk", "said"),
    [
        ([[0.1, 0.2]], [1, 2], 0.1, "rises along"),
        ([[0.2, 0.1]], [2, 1], 0.1, "do not rise"),
        ([[2.0, 0.1]], [1, 2], 0.1, "the worst 1"),
        ([[np.nan, 0.1]], [1, 2], 0.1, "no number"),
        ([[0.2, 0.1]], [1, 2, 3], 0.1, "do not fit"),
        ([[0.2, 0.1]], [1, 2], 1.0, "allows everything"),
    ],
)
def test_losses_that_cannot_be_used_are_refused(losses, grid, risk, said) -> None:
    with pytest.raises(BadOption, match=said):
        risk_threshold(losses, grid, risk=risk)
