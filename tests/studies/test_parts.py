"""What studies are built of, each against a slow or known answer."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import NotReached
from forescale.studies import _arithmetic as arithmetic
from forescale.studies import _digits as digits
from forescale.studies import _gridworld as grid
from forescale.studies import _interval as interval
from forescale.studies import _recorded as recorded
from forescale.studies import _swept as swept
from forescale.studies._adam import Adam
from forescale.studies.chaos_skill import rank_correlation
from forescale.studies.downstream_log_law import p_value, rising
from forescale.studies.one_sided_noise import corrected
from forescale.studies.scaling_mlps import envelope
from forescale.studies.simpsons_bias import rates, score


def test_the_worth_of_a_policy_is_what_following_it_earns() -> None:
    policy = np.random.default_rng(0).integers(0, 4, grid.STATES)
    value = np.zeros(grid.STATES)
    for _ in range(600):
        value = np.array(
            [
                grid.GAMMA
                * sum(
                    p * (1.0 if to == grid.GOAL else value[to])
                    for p, to in zip(grid.MOVES, grid.REACH[s, policy[s]], strict=True)
                )
                for s in range(grid.STATES)
            ]
        )
    assert grid.worth(policy) == pytest.approx(value[grid.OTHERS].mean(), rel=1e-6)
    assert grid.best() > grid.worth(policy)


def test_more_updates_need_fewer_steps_and_the_seed_decides_which() -> None:
    ratios = np.array([2.0, 8.0])
    need = grid.steps_to_threshold(ratios, 4, seed=0)
    assert need[1].mean() < need[0].mean()
    assert (need == grid.steps_to_threshold(ratios, 4, seed=0)).all()
    assert (need != grid.steps_to_threshold(ratios, 4, seed=1)).any()


def test_the_corrected_line_is_least_squares_where_nothing_was_lowered() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, 20_000)
    y = 2 + 1.5 * x + rng.normal(size=len(x))
    np.testing.assert_allclose(corrected(x, y), [2, 1.5], atol=0.15)


def test_the_corrected_line_solves_its_equation_and_lies_above_least_squares() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 10, 1000)
    y = 2 + 1.5 * x + rng.normal(size=1000)
    y -= np.where(rng.random(1000) < 0.5, rng.exponential(6.0, 1000), 0.0)
    w = corrected(x, y)
    z = np.column_stack([np.ones_like(x), x])
    r = y - z @ w
    above = r >= 0
    c = 2.0 * np.sqrt((r[above] ** 2).mean() * 2.0 / np.pi)
    from_above = 0.5 * ((2.0 * r[above] + c)[:, None] * z[above]).mean(0)
    np.testing.assert_allclose(from_above, c * z.mean(0), rtol=1e-3)
    assert w @ [1, 5] > np.polyval(np.polyfit(x, y, 1), 5) + 2


def test_rising_pools_what_falls_and_keeps_the_mean() -> None:
    y = np.array([1.0, 3.0, 2.0, 2.0, 5.0])
    np.testing.assert_allclose(rising(y), [1, 7 / 3, 7 / 3, 7 / 3, 5])


def test_a_rising_score_is_rarely_flagged_and_a_falling_one_is() -> None:
    rng = np.random.default_rng(0)
    flat = [p_value(rng.normal(size=(3, 9)), rng) <= 0.05 for _ in range(200)]
    # Flat is the worst rising series: its rate lies a little above the nominal 5 %.
    assert np.mean(flat) < 0.12
    fall = np.linspace(4, 0, 9) + 0.3 * rng.normal(size=(3, 9))
    assert p_value(fall, rng) < 0.02


def test_intervals_cover_what_they_measure() -> None:
    rng = np.random.default_rng(0)
    worlds = [interval.over_worlds(rng.normal(size=40), interval.mean, seed=s) for s in range(200)]
    held = interval.share([w.lo <= 0.0 <= w.hi for w in worlds])
    assert held.lo < 0.95 < held.hi + 0.03
    assert interval.share([True] * 10).lo == pytest.approx(0.6915, abs=1e-3)


def test_columns_are_numbers_where_all_are_and_missing_ones_no_number() -> None:
    found = swept.columns("model,loss\nmlp,1.5\ncnn,\n")
    assert list(found["model"]) == ["mlp", "cnn"]
    np.testing.assert_array_equal(found["loss"], [1.5, np.nan])


def test_rank_correlation_is_spearmans_and_ties_share_a_rank() -> None:
    from scipy.stats import spearmanr

    x, y = np.random.default_rng(0).integers(0, 6, (2, 40)).astype(float)
    assert rank_correlation(x, y) == pytest.approx(spearmanr(x, y).statistic)


def test_adam_finds_the_minimum_and_its_first_step_is_the_rate() -> None:
    at = np.array([3.0, -2.0], np.float32)
    adam = Adam([at], 0.1, 400)
    adam.step([2 * at])
    np.testing.assert_allclose(at, [2.9, -1.9], atol=1e-3)
    for _ in range(399):
        adam.step([2 * at])
    np.testing.assert_allclose(at, 0, atol=1e-2)


def test_the_envelope_keeps_what_no_cheaper_run_beats() -> None:
    flops, error = np.array([1.0, 4.0, 2.0, 3.0]), np.array([0.5, 0.2, 0.6, 0.3])
    assert envelope(flops, error).tolist() == [True, True, False, True]


def test_the_digits_are_scikit_learns_with_the_file_read_or_the_library_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = pytest.importorskip("sklearn.datasets").load_digits()
    read = digits.library()
    monkeypatch.setattr(digits.Path, "exists", lambda self: False)
    for x, y in (read, digits.library.__wrapped__()):
        np.testing.assert_array_equal(x, asked.data.astype(np.float32) / 16)
        np.testing.assert_array_equal(y, asked.target)


def test_without_scikit_learn_there_are_no_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(NotReached, match="scikit-learn"):
        digits.library.__wrapped__()


def test_a_simulation_is_read_as_recorded_or_made_with_seeds_of_its_own() -> None:
    asked: list[int] = []

    def rows(seed: int):
        asked.append(seed)
        yield from ((1.0, 2.0), (3.0, 4.0))

    def opened(rerun: bool):
        return recorded.simulated(
            "memorised_bits",
            ("a", "b"),
            rows,
            what="pairs",
            rerun=rerun,
            seed=7,
            progress=lambda _: None,
        )

    table, said = opened(rerun=False)
    assert asked == []
    assert "bits" in table
    assert said.startswith("recorded: memorised_bits.csv, ")
    table, said = opened(rerun=True)
    assert asked == [1007]
    assert said == "simulation: 2 pairs"
    assert {k: v.tolist() for k, v in table.items()} == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_dice_is_f1_in_every_batch_and_an_empty_batch_is_right() -> None:
    f1_score = pytest.importorskip("sklearn.metrics").f1_score
    true, called = np.random.default_rng(0).random((2, 64)) < 0.3
    true[:8] = called[:8] = False
    each = [
        f1_score(true[k : k + 8], called[k : k + 8], zero_division=1.0) for k in range(0, 64, 8)
    ]
    assert each[0] == 1.0
    assert score(called, true, 8, "dice") == pytest.approx(np.mean(each))
    assert score(called, true, 64, "dice") == pytest.approx(f1_score(true, called))
    right = np.mean(true == called)
    assert score(called, true, 8, "accuracy") == pytest.approx(right)


@pytest.mark.parametrize(("apart", "called"), [(1.0, 0.01), (2.0, 0.25), (0.0, 0.1)])
def test_a_model_calls_the_share_it_should_and_knows_no_more_than_its_scores(apart, called) -> None:
    from scipy.special import ndtri

    recall, false = rates(apart, called)
    assert 0.05 * recall + 0.95 * false == pytest.approx(called)
    assert ndtri(recall) - ndtri(false) == pytest.approx(apart)


@pytest.mark.parametrize("kind", arithmetic.HIDDEN)
def test_a_stack_steps_down_its_own_gradient(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    # Doubles, so that differences tell the gradient; no pull yet at the first step.
    stack = arithmetic.Stack(kind, 3, 100, rng)
    stack.params[:] = [p.astype(float) for p in stack.params]
    right = arithmetic.exact(rng, 3)
    x, y = (a.astype(float) for a in arithmetic.draw(rng, right, 16, arithmetic.NEAR))

    def loss() -> float:
        return float(((stack.forward(x)[2] - y) ** 2).mean((1, 2)).sum())

    slopes = []
    for p in stack.params:
        at = (1, 0, 0)
        before = p[at]
        p[at] = before + 1e-5
        above = loss()
        p[at] = before - 1e-5
        slopes.append((above - loss()) / 2e-5)
        p[at] = before
    taken: list[np.ndarray] = []
    monkeypatch.setattr(stack.adam, "step", taken.extend)
    stack.step(x, y)
    found = [g[1, 0, 0] for g in taken]
    np.testing.assert_allclose(found, slopes, rtol=1e-3, atol=1e-4)


def test_the_exact_weights_solve_the_sum_and_whole_weights_are_sparse() -> None:
    rng = np.random.default_rng(0)
    right = arithmetic.exact(rng, 4)
    assert (right.sum(2) == 25).all()
    assert (right.prod(1).sum(1) == 12).all()
    stack = arithmetic.Stack("nau", 4, 10, rng)
    assert (stack.sparsity_error() > 0.1).all()
    stack.params[:] = [np.swapaxes(right, 1, 2).copy(), np.ones((4, 2, 1), np.float32)]
    for sizes in (arithmetic.NEAR, arithmetic.FAR):
        x, y = arithmetic.draw(rng, right, 50, sizes)
        assert sizes[0] <= np.abs(x).min()
        assert np.abs(x).max() <= sizes[1]
        np.testing.assert_allclose(stack.forward(x)[2], y, atol=1e-3)
    assert (stack.sparsity_error() == 0).all()


def test_the_threshold_is_the_error_of_weights_that_are_all_off_a_little() -> None:
    # Signs are even, so squares add: inputs in both stretches or neither are off twice, in the
    # 26 that are in one the two errors cancel; E[x^2] over 2 to 6 is 52/3.
    twice = 100 - 26
    expected = (2e-4) ** 2 * twice * 52 / 3
    found = arithmetic.threshold(1e-4, np.random.default_rng(0))
    assert found == pytest.approx(expected, rel=0.05)
