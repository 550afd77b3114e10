"""The forecast of the diverging rate: planted laws, and worlds in which there is none."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.emergence.instability._growth import growth
from forescale.emergence.instability.logit_growth import logit_growth
from forescale.emergence.instability.lr_threshold import lr_threshold
from forescale.errors import BadTable, TooFewRuns

START, HEIGHT, RATE, SIZE, LIMIT = 4.0, 300.0, 1.2, 0.7, 200.0


def planted(seed: int = 0, noise: float = 0.15):
    """Sizes, rates, logits, ends of runs whose logits grow by a law and fail past a level."""
    rng = np.random.default_rng(seed)
    N, lr, _ = np.meshgrid([1e3, 4e3, 1.6e4], np.geomspace(1e-3, 1, 13), [0, 1], indexing="ij")
    N, lr = N.ravel(), lr.ravel()
    law = START + HEIGHT * lr**RATE * (N / 1e3) ** SIZE
    logit = law * np.exp(noise * rng.normal(size=len(N)))
    return N, lr, logit, logit > LIMIT * np.exp(noise * rng.normal(size=len(N)))


def truth(N: float) -> float:
    return ((LIMIT - START) / (HEIGHT * (N / 1e3) ** SIZE)) ** (1 / RATE)


def test_the_law_of_planted_logits_is_found_without_noise() -> None:
    N, lr, logit, _ = planted(noise=0.0)
    theta = growth(np.log(N), np.log(lr), np.log(logit), np.ones((1, len(N))))[0]
    height = np.log(HEIGHT) - SIZE * np.log(1e3)
    np.testing.assert_allclose(theta, [np.log(START), height, RATE, SIZE], rtol=5e-3)


def test_resamples_are_fitted_as_they_would_be_alone() -> None:
    N, lr, logit, _ = planted()
    weights = np.random.default_rng(1).multinomial(len(N), np.full(len(N), 1 / len(N)), 5)
    inputs = np.log(N), np.log(lr), np.log(logit)
    together = growth(*inputs, weights.astype(float))
    for row, w in zip(together, weights, strict=True):
        again = np.repeat(np.arange(len(N)), w)
        # The slow twin lists each run as often as it counts; the same centre keeps the same hold.
        alone = growth(*inputs, w[None].astype(float))[0]
        np.testing.assert_allclose(row, alone, rtol=1e-6)
        model = np.logaddexp(row[0], row[1] + row[2] * inputs[1] + row[3] * inputs[0])[again]
        assert np.std(inputs[2][again] - model) < 0.2


@pytest.mark.parametrize("seed", range(3))
def test_the_planted_rate_of_a_size_never_run_is_forecast_both_ways(seed: int) -> None:
    N, lr, logit, failed = planted(seed)
    by_logit = logit_growth(N, lr, logit, failed, target=6.4e4)
    by_ends = lr_threshold(N, lr, failed, target=6.4e4)
    for found in (by_logit.lr, by_ends.lr):
        assert found.lo < found.value < found.hi
        assert max(found.value / truth(6.4e4), truth(6.4e4) / found.value) < 1.5
    assert by_logit.rate.value == pytest.approx(RATE, abs=0.1)
    assert by_logit.limit.lo < LIMIT < by_logit.limit.hi
    assert by_logit.logit(1e3, 1.0) == pytest.approx(START + HEIGHT, rel=0.15)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    hits = np.zeros(2)
    for seed in range(4):
        N, lr, logit, failed = planted(100 + seed)
        ways = (
            logit_growth(N, lr, logit, failed, target=6.4e4, seed=seed).lr,
            lr_threshold(N, lr, failed, target=6.4e4).lr,
        )
        hits += [w.lo <= truth(6.4e4) <= w.hi for w in ways]
    assert (hits >= 3).all()


def test_ends_that_have_nothing_to_do_with_logits_widen_the_interval() -> None:
    N, lr, logit, failed = planted()
    shuffled = np.random.default_rng(0).permutation(failed)
    wide = logit_growth(N, lr, logit, shuffled, target=6.4e4).limit
    told = logit_growth(N, lr, logit, failed, target=6.4e4).limit
    assert wide.hi / wide.lo > 3 * told.hi / told.lo


def test_a_level_that_logits_never_reach_is_never_passed() -> None:
    N, lr, logit, failed = planted()
    rng = np.random.default_rng(0)
    steady = 4.0 * np.exp(0.02 * rng.normal(size=len(N)))
    found = logit_growth(N, lr, np.where(failed, 100.0, steady), failed, target=6.4e4)
    shrinking = logit_growth(N, 1 / lr, logit, failed, target=6.4e4)
    assert found.limit.lo > 4.5
    assert shrinking.lr.value == np.inf
    assert shrinking.to_dict()["lr"]["value"] is None


def test_runs_that_did_not_diverge_at_one_size_still_bound_its_rate() -> None:
    N, lr, _, failed = planted()
    small = (N == 1e3) & (lr > 0.3)
    with_them = lr_threshold(N[~small], lr[~small], failed[~small], target=6.4e4)
    assert with_them.lr.lo < truth(6.4e4) < with_them.lr.hi
    assert with_them.slope.value < 0


def test_a_logit_that_is_no_number_is_left_out() -> None:
    N, lr, logit, failed = planted()
    logit[failed.nonzero()[0][:3]] = np.nan
    assert logit_growth(N, lr, logit, failed, target=6.4e4).runs == len(N) - 3


def test_both_say_themselves() -> None:
    N, lr, logit, failed = planted()
    for found in (
        logit_growth(N, lr, logit, failed, target=6.4e4),
        lr_threshold(N, lr, failed, target=6.4e4),
    ):
        assert "\n" not in repr(found)
        assert repr(found) in found.summary()
        assert "4x the largest run" in repr(found)
        assert found.to_dict()["lr"]["value"] == found.lr.value


def test_what_cannot_be_told_is_refused() -> None:
    N, lr, logit, failed = planted()
    with pytest.raises(BadTable, match="no run diverged"):
        lr_threshold(N, lr, np.zeros_like(failed), target=1e5)
    with pytest.raises(BadTable, match="every run diverged"):
        logit_growth(N, lr, logit, np.ones_like(failed), target=1e5)
    with pytest.raises(TooFewRuns, match="1 sizes"):
        lr_threshold(np.ones_like(N), lr, failed, target=1e5)
    with pytest.raises(BadTable, match="not above 0"):
        lr_threshold(N, -lr, failed, target=1e5)
    with pytest.raises(BadTable, match="do not belong together"):
        lr_threshold(N, lr[:-1], failed, target=1e5)
    with pytest.raises(BadTable, match="logits are numbers"):
        logit_growth(N, lr, -logit, failed, target=1e5)
