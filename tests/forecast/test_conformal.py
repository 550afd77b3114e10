"""The conformal factor of a backtest: by hand, where it ends, and in simulated backtests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from forescale.errors import BadOption
from forescale.fit import specify
from forescale.forecast import Backtest, Cut, backtest
from forescale.forecast.conformal import conformal_scale, once, said, standardised
from forescale.forecast.drift import Look
from forescale.runs import RunTable
from forescale.uncertainty.conformal import weighted_quantile


def a_cut(limit: float, scale: Sequence[float], errors: Sequence[float], rows=None) -> Cut:
    """Held-out runs of truth 1 + 0.1 error, forecast 1 with interval 0.9 to 1.1."""
    m, one = len(scale), np.ones(len(scale))
    return Cut(
        held_out=m, trained=9, limit=limit, factor=max(scale) / limit, error_pct=1.0, bias_pct=0.0,
        coverage=1.0, width_pct=20.0, pinball=0.1, z=1.0, rivals={"straight line": 2.0},
        rows=np.arange(m) if rows is None else np.asarray(rows),
        scale=np.asarray(scale, float), truth=1 + 0.1 * np.asarray(errors, float), forecast=one,
        lo=0.9 * one, hi=1.1 * one, look=Look(0.01, 0.0, 0.01),
    )  # fmt: skip


def a_backtest(*cuts: Cut) -> Backtest:
    return Backtest("power", "A*C^-a", "C", 0.9, cuts, (), "made.csv")


def test_errors_are_in_half_widths_of_their_own_side() -> None:
    cut = a_cut(1.0, [2, 2, 2], [0.5, -2.0, 1.0])
    np.testing.assert_allclose(standardised(cut), [0.5, 2.0, 1.0])


def test_runs_at_the_distance_asked_for_weigh_one_each() -> None:
    # One cut that starts at the top of all (its limit is within a millionth of its runs).
    errors = np.linspace(0.1, 1.9, 19)
    cuts = [a_cut(1.0, [1 + 1e-9] * 19, errors)]
    found = conformal_scale(cuts, 1.0, 0.9)
    assert found.weight == pytest.approx(19, rel=1e-6)
    plain = float(weighted_quantile(errors, level=0.88))
    assert conformal_scale(cuts, 1.0, level=0.88).value == pytest.approx(plain)
    assert (found.runs, found.cuts, found.level) == (19, 1, 0.9)


def test_a_factor_of_one_is_an_interval_that_held_at_its_level() -> None:
    errors = np.append(np.linspace(0.01, 0.99, 45), [1.0, *np.linspace(2, 3, 4)])
    cuts = [a_cut(1.0, [1 + 1e-9] * 50, errors)]
    assert conformal_scale(cuts, 1.0, 0.9).value == pytest.approx(1.0)


def test_near_misses_count_more_than_far_ones() -> None:
    near, far = np.full(60, 0.5), np.full(60, 3.0)
    cuts = [a_cut(1.0, [1.01] * 60 + [64.0] * 60, np.append(near, far))]
    assert conformal_scale(cuts, 64.0, level=0.8).value == pytest.approx(3.0)
    assert conformal_scale(cuts, 1.0, level=0.8).value == pytest.approx(0.5)


def test_too_few_runs_say_that_it_cannot_be_known() -> None:
    cuts = [a_cut(1.0, [3.0] * 5, np.ones(5))]
    found = conformal_scale(cuts, 3.0, 0.9)
    assert not found.known
    assert found.to_dict()["value"] is None
    assert "cannot be known from these runs" in found.text()
    # The same runs do tell a level that asks for less.
    assert conformal_scale(cuts, 3.0, level=0.5).known
    assert not conformal_scale((), 3.0, 0.9).known
    assert "0 held out in 0 cuts" in conformal_scale((), 3.0, 0.9).text()


def test_beyond_the_cuts_less_and_less_can_be_known() -> None:
    cuts = [a_cut(1.0, [3.0] * 40, np.ones(40))]
    weights = [conformal_scale(cuts, f, 0.9).weight for f in (3.0, 10.0, 100.0, 1e6)]
    assert weights == sorted(weights, reverse=True)
    assert not conformal_scale(cuts, 1e6, 0.9).known


def test_a_run_in_several_cuts_counts_once() -> None:
    rows, weights = np.array([0, 1, 0, 2, 0]), np.array([1.0, 0.5, 0.5, 0.0, 0.5])
    np.testing.assert_allclose(once(rows, weights), [0.5, 0.5, 0.25, 0.0, 0.25])
    cut = a_cut(1.0, [1 + 1e-9] * 12, np.ones(12))
    one, two = conformal_scale([cut], 1.0, 0.9), conformal_scale([cut, cut], 1.0, 0.9)
    assert two.weight == pytest.approx(one.weight)
    assert (two.runs, two.cuts) == (12, 2)


def test_one_line_and_the_json_name_every_cut() -> None:
    near = a_cut(1.0, [1.2] * 40, np.ones(40))
    far = a_cut(1.0, [1e5] * 2, np.ones(2), rows=[40, 41])
    test = a_backtest(near, far)
    # The far cut moves the top of the table away from both, so a low level is asked.
    scales = [conformal_scale(test.cuts, c.factor, level=0.5) for c in test.cuts]
    assert [s.known for s in scales] == [True, False]
    assert said(scales) == (
        "conformal factor 1 at 1.2x, from 42 runs held out in 2 cuts; at 1e+05x it cannot be known "
        "from these runs; no guarantee, since larger runs are not exchangeable with smaller"
    )
    assert said(scales[1:]) == (
        "conformal factor at 1e+05x cannot be known from these runs: 42 runs held out in 2 cuts"
    )
    kept = json.loads(json.dumps(test.to_dict()["conformal"], allow_nan=False))
    assert [k["factor"] for k in kept] == [1.2, 1e5]
    assert a_backtest().conformal == ""
    assert test.conformal in test.summary()


def test_no_guarantee_is_claimed() -> None:
    cuts = [a_cut(1.0, [3.0] * 40, np.ones(40))]
    said = conformal_scale(cuts, 3.0, 0.9).text()
    assert said.startswith("conformal factor 1 at 3x from 40 runs held out in 1 cut;")
    assert "no guarantee" in said


@pytest.mark.parametrize(("factor", "level"), [(0.5, 0.9), (np.nan, 0.9), (3.0, 1.0)])
def test_what_is_no_distance_or_level_is_refused(factor: float, level: float) -> None:
    with pytest.raises(BadOption):
        conformal_scale([a_cut(1.0, [2.0], [1.0])], factor, level=level)


def test_intervals_that_are_too_narrow_by_two_get_about_that_factor(
    power: Callable[..., RunTable],
) -> None:
    """Planted: the backtest's intervals shrunk by half ask for twice the factor."""
    table = power(60, noise=0.01)
    test = backtest(table, specify(table, "power"))
    halved = a_backtest(*(_narrowed(c, 0.5) for c in test.cuts))
    full, half = (conformal_scale(t.cuts, 3.0, t.level) for t in (test, halved))
    assert full.known
    assert 0.3 < full.value < 2.0
    assert half.value == pytest.approx(2 * full.value)


def _narrowed(cut: Cut, by: float) -> Cut:
    lo, hi = (cut.forecast + by * (end - cut.forecast) for end in (cut.lo, cut.hi))
    return replace(cut, lo=lo, hi=hi)
