"""A rise at the largest scales is told, and noise is not one."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.compare import compare
from forescale.compare.rising import best_at, rise
from forescale.laws import get
from forescale.runs import RunTable

X = np.logspace(17, 20, 12)


def test_losses_that_fall_and_rise_again_are_told() -> None:
    y = 3 + 0.05 * (np.log10(X) - 18.8) ** 2
    found = rise(X, y * np.exp(1e-3 * np.random.default_rng(0).normal(size=12)))
    assert found is not None
    assert found.since >= 1e18
    assert found.p < 0.01


def test_order_and_unit_of_the_runs_do_not_matter() -> None:
    y = 3 + 0.05 * (np.log10(X) - 18.8) ** 2
    shuffled = np.random.default_rng(0).permutation(12)
    one, two = rise(X, y), rise(X[shuffled], 7 * y[shuffled])
    assert one is not None
    assert two is not None
    assert one.p == pytest.approx(two.p, rel=1e-6)


def test_a_flat_end_is_called_a_rise_no_oftener_than_its_level() -> None:
    # The hardest null: no slope at all. Nominal 1 %: 4 of 400, four standard errors more.
    rng = np.random.default_rng(0)
    told = [rise(X, 3 + 0.01 * rng.normal(size=12)) is not None for _ in range(400)]
    assert sum(told) <= 12
    assert rise(X, np.full(12, 3.0)) is None


def test_too_few_runs_or_scales_tell_nothing() -> None:
    assert rise(X[:6], np.arange(6.0)) is None
    assert rise(np.repeat([1e18, 1e19], 4), np.arange(8.0)) is None


def test_of_one_budget_the_best_run_counts() -> None:
    scale, worse = best_at(np.array([1e18, 1.01e18, 1e19]), np.array([3.0, 2.9, 2.5]))
    assert worse.tolist() == [2.9, 2.5]
    assert scale.tolist() == [1.01e18, 1e19]


def test_a_method_that_gets_worse_is_no_bet() -> None:
    law = get("power")
    t = dict(law.typical)
    rng = np.random.default_rng(1)
    falls = law.predict({"C": X}, t)
    rises = falls + 0.2 * np.maximum(np.log10(X) - 18.5, 0.0) ** 2 * falls
    loss = np.concatenate([falls, rises]) * np.exp(1e-3 * rng.normal(size=24))
    runs = RunTable({"C": np.tile(X, 2), "L": loss,
                     "m": np.repeat(np.array(["base", "turns"], object), 12)})  # fmt: skip
    made = compare(runs, "m", resamples=99)
    assert not made.trusted
    told = [r for r in made.reasons if "gets worse from" in r]
    assert len(told) == 1
    assert "of turns" in told[0]
