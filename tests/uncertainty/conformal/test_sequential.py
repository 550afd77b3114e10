"""Sequential intervals learn from what came before, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.errors import BadOption, MissingExtra, TooFewRuns
from forescale.uncertainty.conformal import conditional_interval, intervals, sequential

pytest.importorskip("sklearn", reason="quantile forests need scikit-learn")
QUICK = {"level": 0.9, "trees": 10}


def autoregressive(n: int, seed: int, phi: float = 0.9) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = np.zeros(n)
    for t in range(1, n):
        out[t] = phi * out[t - 1] + rng.normal()
    return out


def test_a_sequence_with_memory_is_covered_by_narrow_intervals() -> None:
    r = autoregressive(1000, 0)
    lo, hi = intervals(r, start=500, every=100, **QUICK)
    inside = np.mean((lo <= r[500:]) & (r[500:] <= hi))
    assert 0.84 < inside < 0.96
    # The spread of a step is 0.44 of that of the sequence; 90 % of a normal is 3.29 wide.
    assert 0.9 * 3.29 < np.mean(hi - lo) < 0.7 * 3.29 * r.std()


def test_an_interval_knows_nothing_of_what_comes_after() -> None:
    r = autoregressive(140, 1)
    later = r.copy()
    later[120:] += 50.0
    before, after = (intervals(v, start=100, every=10, **QUICK) for v in (r, later))
    # The interval of step 120 is made from steps before it; the next one has seen it.
    np.testing.assert_array_equal(before[0][:21], after[0][:21])
    np.testing.assert_array_equal(before[1][:21], after[1][:21])
    assert not np.array_equal(before[1][21:], after[1][21:])


def test_the_split_of_the_tails_is_that_of_the_narrowest() -> None:
    rng = np.random.default_rng(2)
    x, skewed = rng.normal(size=(4000, 1)), rng.exponential(size=4000)
    lo, hi = conditional_interval(
        x, skewed, np.zeros((1, 1)), level=0.9, seed=0, leaf=1000, trees=10
    )
    # The narrowest 90 % of an exponential starts at its end; equal tails end at 3.0.
    assert lo[0] < 0.02
    assert hi[0] == pytest.approx(np.log(10), abs=0.25)


def test_intervals_follow_a_spread_that_depends_on_the_context() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, size=(2000, 1))
    y = rng.normal(size=2000) * np.where(x[:, 0] > 0, 4.0, 1.0) + np.sign(x[:, 0])
    lo, hi = conditional_interval(x, y, [[-0.5], [0.5]], level=0.9, seed=0)
    assert 2.5 < hi[0] - lo[0] < 5
    assert 10 < hi[1] - lo[1] < 18


def test_equal_seeds_give_equal_intervals() -> None:
    r = autoregressive(80, 4)
    one, same, other = (intervals(r, start=60, seed=s, every=20, **QUICK) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    "options", [{"start": 3}, {"start": 90}, {"window": 0}, {"every": 0}, {"level": 1.0}]
)
def test_arguments_that_cannot_be_used_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(BadOption):
        intervals(np.zeros(80), **{"level": 0.9, "start": 60, **options})


def test_what_is_too_little_or_no_number_is_refused() -> None:
    with pytest.raises(TooFewRuns, match="19 residuals"):
        intervals(np.zeros(30), level=0.9, start=24)
    with pytest.raises(BadOption, match="not a finite number"):
        intervals(np.append(np.nan, np.zeros(40)), level=0.9, start=30)
    with pytest.raises(BadOption, match="do not fit"):
        conditional_interval(np.zeros((30, 2)), np.zeros(30), np.zeros((1, 3)), level=0.9, seed=0)


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequential.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtra, match=r"forescale\[forest\]"):
        intervals(autoregressive(60, 0), level=0.9, start=40)
