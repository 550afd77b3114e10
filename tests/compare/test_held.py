"""A comparison is forecast from its smaller runs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forescale.compare import Estimate, Held, compare
from forescale.compare._held import _cut
from forescale.laws import get
from forescale.runs import RunTable

Planted = Callable[..., RunTable]


def test_planted_laws_foretell_their_largest_runs(planted: Planted) -> None:
    made = compare(planted("offset", 3, noise=1e-3), "method", resamples=99)
    assert made.test is not None
    assert made.test.inside
    assert made.test.target == pytest.approx(1e20)
    assert made.test.held == 6
    assert made.test.found.value == pytest.approx(made.main.multiplier.value)
    assert "inside its interval" in made.summary()
    assert made.to_dict()["backtest"]["inside"] is True


def test_a_break_beyond_the_smaller_runs_is_a_reason_against() -> None:
    law, c = get("power"), np.logspace(17, 20, 12)
    t = dict(law.typical)
    rng = np.random.default_rng(0)
    base = law.predict({"C": c}, t)
    # Ahead by a tenth, and behind over the last quarter of the runs.
    late = law.predict({"C": c}, {**t, "A": 0.9 * t["A"]}) * np.where(c > 2e19, 1.12, 1.0)
    loss = np.concatenate([base, late]) * np.exp(1e-3 * rng.normal(size=24))
    runs = RunTable({"C": np.tile(c, 2), "L": loss,
                     "m": np.repeat(np.array(["base", "late"], object), 12)})  # fmt: skip
    made = compare(runs, "m", resamples=99)
    assert made.test is not None
    assert not made.test.inside
    assert any("did not foretell" in r for r in made.reasons)
    assert "OUTSIDE" in made.tested


def test_a_cut_leaves_each_method_a_law_and_runs_beyond() -> None:
    scales = {"a": np.logspace(17, 20, 12), "b": np.logspace(17, 20, 12)}
    cut = _cut(scales, 5)
    assert cut is not None
    assert [int((s > cut).sum()) for s in scales.values()] == [3, 3]
    assert _cut({"a": scales["a"], "b": scales["b"][:5]}, 5) is None
    assert _cut({"a": scales["a"], "b": np.logspace(15, 16, 12)}, 5) is None


def test_too_few_runs_are_said_to_be_untested(planted: Planted) -> None:
    runs = planted("offset", 0, runs=5)
    made = compare(runs, "method", resamples=99)
    assert made.test is None
    assert made.tested.startswith("not tested")
    assert made.to_dict()["backtest"] is None


def test_an_end_of_the_interval_still_holds() -> None:
    m = Estimate(1.5, 1.2, 2.0)
    assert Held(1e18, 1e19, 3, m, Estimate(2.0, 1.8, 2.2)).inside
    assert not Held(1e18, 1e19, 3, m, Estimate(2.1, 1.8, 2.2)).inside
