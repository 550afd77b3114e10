"""The reusable hold-out: an adaptive analyst fools a plain hold-out, and not this one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from forescale.errors import BadOption, NotReached
from forescale.forecast.holdout import Thresholdout, budget, optimism

ROWS, FEATURES, CHOSEN = 4000, 4000, 801


@dataclass(frozen=True)
class Told:
    """Accuracies in per cent as a plain hold-out and Thresholdout tell them, and the truths."""

    naive: float
    naive_truth: float
    guarded: float
    guarded_truth: float
    spent: int


def analyst(seed: int, *, signal: int = 0) -> Told:
    """Choose features by asking about each, let them vote, and ask how good the vote is.

    The experiment of Dwork et al. 2015: of the features whose correlation with the label has one
    sign on both halves, the strongest vote. Labels are coin tosses; `signal` of the features
    agree with them in 55 % of the rows.
    """
    rng = np.random.default_rng([seed, 14])

    def draw() -> tuple[np.ndarray, np.ndarray]:
        y = rng.integers(0, 2, ROWS).astype(np.float32) * 2 - 1
        x = rng.integers(0, 2, (ROWS, FEATURES), dtype=np.int8).astype(np.float32) * 2 - 1
        copied = rng.random((ROWS, signal)) < 0.1
        x[:, :signal] = np.where(copied, y[:, None], x[:, :signal])
        return x, y

    (x, y), (xh, yh), fresh = draw(), draw(), draw()
    train, holdout = x.T @ y / ROWS, xh.T @ yh / ROWS
    ask = Thresholdout(ROWS, seed=seed)
    answers = np.array(
        [ask.answer(float(a), float(b)) for a, b in zip(train, holdout, strict=True)]
    )

    def voters(seen: np.ndarray) -> np.ndarray:
        agree = np.sign(train) == np.sign(seen)
        return np.argsort(-np.where(agree, np.abs(train), 0))[:CHOSEN]

    def accuracy(who: np.ndarray, on: tuple[np.ndarray, np.ndarray]) -> float:
        vote = np.sign(on[0][:, who] @ np.sign(train[who]).astype(np.float32))
        return float(np.mean(vote == on[1]))

    plain, guarded = voters(holdout), voters(answers)
    told = ask.answer(accuracy(guarded, (x, y)), accuracy(guarded, (xh, yh)))
    return Told(
        100 * accuracy(plain, (xh, yh)), 100 * accuracy(plain, fresh),
        100 * told, 100 * accuracy(guarded, fresh), budget(ROWS) - ask.left,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1])
def test_naive_reuse_is_off_by_ten_points_and_thresholdout_within_two(seed: int) -> None:
    told = analyst(seed)
    # There is nothing to learn: every accuracy is 50 %.
    assert told.naive > 60
    assert told.naive_truth == pytest.approx(50, abs=2.5)
    assert told.guarded == pytest.approx(50, abs=2)
    assert 0 < told.spent < budget(ROWS)


def test_what_is_truly_there_is_still_found_and_told() -> None:
    told = analyst(2, signal=60)
    assert told.guarded_truth > 56
    assert told.guarded == pytest.approx(told.guarded_truth, abs=2)
    assert told.naive - told.naive_truth > 5


@pytest.mark.slow
@pytest.mark.parametrize("signal", [0, 60])
def test_over_many_worlds_thresholdout_keeps_no_bias_and_naive_reuse_more_than_ten(signal) -> None:
    told = [analyst(seed, signal=signal) for seed in range(200, 208)]
    naive = np.array([t.naive - (t.naive_truth if signal else 50) for t in told])
    guarded = np.array([t.guarded - (t.guarded_truth if signal else 50) for t in told])
    assert naive.min() > 10
    assert abs(guarded.mean()) < 1
    # A hold-out of 4,000 rows itself errs by 0.8 points (one standard error).
    assert np.abs(guarded).max() < 3


def test_agreement_costs_nothing_and_tells_nothing_of_the_hold_out() -> None:
    ask = Thresholdout(10_000, seed=0)
    assert [ask.answer(0.5, 0.5 + d) for d in (0.0, 0.005, -0.01)] == [0.5, 0.5, 0.5]
    assert ask.left == budget(10_000)


def test_disagreement_is_answered_from_the_hold_out_with_noise_and_spends_the_budget() -> None:
    told = []
    for seed in range(200):
        ask = Thresholdout(10_000, seed=seed)
        told.append(ask.answer(0.9, 0.5))
        assert ask.left == budget(10_000) - 1
    off = np.array(told) - 0.5
    # Laplace noise of scale 1/800: so large is its mean absolute value.
    assert abs(off.mean()) < 4 / 800 * 2**0.5 / 200**0.5
    assert np.abs(off).mean() == pytest.approx(1 / 800, rel=0.3)
    assert len(set(told)) == 200


def test_a_worn_out_hold_out_answers_no_more() -> None:
    ask = Thresholdout(100, seed=0, allowed=2)
    for _ in range(2):
        ask.answer(5.0, 0.0)
    with pytest.raises(NotReached, match="worn out"):
        ask.answer(0.0, 0.0)


def test_the_same_seed_gives_the_same_answers_and_spread_sets_the_scale() -> None:
    a, b = (Thresholdout(100, seed=3, spread=s) for s in (1.0, 10.0))
    one, ten = [a.answer(9.0, 0.0) for _ in range(5)], [b.answer(90.0, 0.0) for _ in range(5)]
    np.testing.assert_allclose(np.multiply(one, 10), ten)


@pytest.mark.parametrize("options", [{"spread": 0.0}, {"threshold": 0.0}, {"noise": -1.0}])
def test_scales_that_are_none_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BadOption):
        Thresholdout(100, seed=0, **options)
    with pytest.raises(BadOption):
        Thresholdout(0, seed=0)


def test_the_bound_on_optimism_holds_for_the_worst_analyst_we_know() -> None:
    """Of k random changes each is kept if it helps on the hold-out: one bit a look."""
    rng = np.random.default_rng(0)
    for n, k in ((30, 10), (100, 100), (1000, 200)):
        flattered = []
        for _ in range(300):
            change = rng.choice([-1.0, 1.0], (k, n))
            keep = np.sign(change.sum(axis=1))
            value = keep @ change
            flattered.append(value.mean() / np.sqrt(k))
        assert 0.5 * optimism(k, n) < np.mean(flattered) <= optimism(k, n)
    assert optimism(0, 10) == 0


@pytest.mark.parametrize("n", [2, 3, 10, 29, 1000])
def test_a_hold_out_is_worn_out_where_the_bound_reaches_a_single_run(n: int) -> None:
    assert optimism(budget(n), n) <= 1 < optimism(budget(n) + 1, n)
    assert budget(1) == 1
