"""Backtests hold out the largest runs whole, and never see them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from forescale.fit import specify
from forescale.forecast import Backtest, Cut, backtest
from forescale.forecast._cuts import cut_points
from forescale.forecast.backtest import of_fit
from forescale.forecast.choose import again, choose
from forescale.forecast.drift import Look, doubt
from forescale.runs import RunTable

World = Callable[..., RunTable]


def a_cut(z: float, *, factor: float = 3.0, error: float = 1.0, line: float = 2.0) -> Cut:
    one = np.ones(1)
    return Cut(
        held_out=1, trained=9, limit=1.0, factor=factor, error_pct=error, bias_pct=0.0,
        coverage=1.0, width_pct=1.0, pinball=0.1, z=z, rivals={"straight line": line},
        rows=one, scale=one, truth=one, forecast=one, lo=one, hi=one,
        look=Look(own=1e-4, change=1e-2, miss=1e-4 * z * z),
    )  # fmt: skip


def a_backtest(*cuts: Cut) -> Backtest:
    return Backtest("power", "A*C^-a", "C", 0.9, cuts, (), "made.csv")


@pytest.fixture(scope="module")
def made(world: World) -> Backtest:
    table = world(3)
    return backtest(table, specify(table, "chinchilla"))


def test_a_cut_holds_out_the_largest_and_nothing_else() -> None:
    scale = np.random.default_rng(0).permutation(np.logspace(18, 21, 40))
    for train in cut_points(scale, 5):
        assert scale[train].max() < scale[~train].min()


def test_a_cut_moves_to_a_gap_so_that_a_budget_is_held_out_whole() -> None:
    # Six budgets of six runs, whose computes differ by a per mille within a budget.
    rng = np.random.default_rng(1)
    budget = np.repeat(np.arange(6), 6)
    scale = np.logspace(17, 19.5, 6)[budget] * (1 + 1e-3 * rng.random(36))
    cuts = cut_points(scale, 7)
    assert cuts
    for train in cuts:
        assert not set(budget[train]) & set(budget[~train])


def test_equal_scales_are_never_split() -> None:
    scale = np.repeat([1.0, 2.0, 3.0, 4.0], 5)
    for train in cut_points(scale, 3):
        assert not set(scale[train]) & set(scale[~train])


def test_enough_runs_are_left_to_fit() -> None:
    assert all(t.sum() >= 8 for t in cut_points(np.logspace(0, 3, 12), 8))
    assert cut_points(np.logspace(0, 1, 8), 8) == []
    assert cut_points(np.ones(30), 5) == []


def test_every_group_keeps_runs_to_fit() -> None:
    scale = np.logspace(0, 3, 20)
    group = (np.arange(20) >= 16).astype(int)
    assert cut_points(scale, 4, group=group) == []
    mixed = np.arange(20) % 2
    assert cut_points(scale, 4, group=mixed)


def test_cuts_go_from_few_held_out_runs_to_many(made: Backtest) -> None:
    held = [c.held_out for c in made.cuts]
    assert held == sorted(held)
    assert held == [6, 12, 18]
    factors = [c.factor for c in made.cuts]
    np.testing.assert_allclose(factors, [10**0.5, 10.0, 10**1.5], rtol=1e-6)
    assert made.reach == pytest.approx(10**1.5)


def test_the_true_law_forecasts_held_out_runs_to_their_noise(made: Backtest) -> None:
    for cut in made.cuts:
        assert cut.error_pct < 1.0
        assert cut.coverage >= 0.8
        assert cut.rivals["straight line"] > 2 * cut.error_pct
        assert cut.rivals["best so far"] > 2 * cut.error_pct
    assert made.misfit < 1.3
    assert made.widening < 1.0


def test_scores_are_those_of_the_rows_kept(made: Backtest) -> None:
    for cut in made.cuts:
        error = 100 * (cut.forecast - cut.truth) / cut.truth
        assert cut.error_pct == pytest.approx(np.abs(error).mean())
        assert cut.bias_pct == pytest.approx(error.mean())
        inside = (cut.lo <= cut.truth) & (cut.truth <= cut.hi)
        assert cut.coverage == pytest.approx(inside.mean())
        assert len(cut.rows) == cut.held_out == 36 - cut.trained


def test_forecasts_of_held_out_runs_do_not_change_when_their_losses_do(world: World) -> None:
    table = world(3)
    spec = specify(table, "chinchilla")
    before = backtest(table, spec)
    loss = table["L"].copy()
    largest = table["C"] > 1e19
    loss[largest] *= 10.0
    after = backtest(table.with_column("L", loss), spec)
    # The shortest cut holds out that budget alone; its forecast must be the same to the bit.
    np.testing.assert_array_equal(before.cuts[0].forecast, after.cuts[0].forecast)
    np.testing.assert_array_equal(before.cuts[0].lo, after.cuts[0].lo)
    np.testing.assert_array_equal(before.cuts[0].hi, after.cuts[0].hi)
    assert after.cuts[0].coverage == 0.0
    assert after.cuts[0].error_pct > 50


def test_control_a_loss_among_the_fitted_runs_does_change_the_forecast(world: World) -> None:
    table = world(3)
    spec = specify(table, "chinchilla")
    loss = table["L"].copy()
    loss[:6] *= 1.05
    spoiled = backtest(table.with_column("L", loss), spec)
    assert not np.array_equal(spoiled.cuts[0].forecast, backtest(table, spec).cuts[0].forecast)


def test_equal_seeds_give_equal_backtests(world: World) -> None:
    table = world(3)
    spec = specify(table, "chinchilla")
    assert backtest(table, spec, seed=5).to_dict() == backtest(table, spec, seed=5).to_dict()


def test_few_runs_give_no_cut_and_say_so(power: World) -> None:
    table = power(5)
    found = backtest(table, specify(table, "power"))
    assert found.cuts == ()
    assert found.skipped == ("no backtest: 5 runs are too few to hold any out from 3 parameters",)
    assert found.misfit == found.widening == 1.0
    assert found.doubt.inflation == doubt().inflation
    assert "none possible" in repr(found)


def test_runs_of_one_scale_give_no_cut_and_say_that(world: World) -> None:
    table = world()
    table = table.take(np.isclose(table["C"], 1e17)).with_column("N", np.logspace(6, 7, 6))
    table = table.with_column("D", 1e17 / 6 / table["N"])
    found = backtest(table, specify(table, "A*N^-a"))
    assert found.cuts or "too few" not in found.skipped[0]


def test_groups_are_forecast_by_their_own_parameters(power: World) -> None:
    a, b = power(16, seed=1), power(16, seed=2)
    table = RunTable(
        {
            "C": np.concatenate([a["C"], b["C"]]),
            "L": np.concatenate([a["L"], 1.3 * b["L"]]),
            "g": np.array(["a"] * 16 + ["b"] * 16, object),
        }
    )
    found = backtest(table, specify(table, "power", by="g", free=("E", "A")))
    assert found.cuts
    assert max(c.error_pct for c in found.cuts) < 3.0


def test_one_unlucky_cut_does_not_rule_the_misfit() -> None:
    # sqrt((2 + sum z^2) / (2 + cuts)), never below one.
    assert a_backtest().misfit == 1.0
    assert a_backtest(a_cut(0.1), a_cut(0.5)).misfit == 1.0
    assert a_backtest(a_cut(1.0), a_cut(1.0)).misfit == pytest.approx(1.0)
    assert a_backtest(a_cut(4.0), a_cut(1.0)).misfit == pytest.approx(np.sqrt(19 / 4))
    assert a_backtest(a_cut(1e9)).misfit == pytest.approx(np.sqrt(402 / 3))


def test_intervals_widen_for_cuts_that_missed_and_narrow_for_cuts_that_came_close() -> None:
    close, missed = a_backtest(*[a_cut(0.3)] * 4), a_backtest(*[a_cut(8.0)] * 4)
    assert close.widening < 0.9
    assert missed.widening > 1.2
    assert close.inflation < missed.inflation
    assert close.doubt.change < doubt().change < missed.doubt.change


def test_the_nearest_cut_is_nearest_in_logs() -> None:
    test = a_backtest(a_cut(1, factor=2.0), a_cut(1, factor=10.0), a_cut(1, factor=100.0))
    assert a_backtest().nearest(5.0) is None
    assert [test.nearest(f).factor for f in (1.0, 4.0, 5.0, 40.0, 1e6)] == [2, 2, 10, 100, 100]


def test_a_summary_has_a_line_per_cut(made: Backtest) -> None:
    lines = made.summary().splitlines()
    assert len(lines) == 2 + len(made.cuts)
    assert "18 runs -> 18 held out, up to 31.6x" in lines[-2]
    assert "conformal factor" in lines[-1]


def test_the_clusters_of_a_fit_are_those_of_its_backtest(world: World) -> None:
    from forescale.fit import fit
    from forescale.forecast.backtest import of_fit
    from forescale.uncertainty import assess

    table = world(3)
    table = table.with_column("size", np.array([f"s{i % 6}" for i in range(36)], object))
    fitted = assess(fit(table), cluster="size", resamples=100)
    with_clusters = of_fit(fitted)
    assert fitted.draws is not None
    without = of_fit(replace(fitted, draws=replace(fitted.draws, cluster=None)))
    assert not np.array_equal(with_clusters.cuts[0].lo, without.cuts[0].lo)


def test_a_chosen_law_is_chosen_anew_from_the_runs_of_each_cut(world: World) -> None:
    table = world(5)
    found = choose(table, starts=64)
    test = of_fit(found)
    assert test.chosen
    assert found.choice is not None
    names = {c["law"] for c in found.choice["candidates"]}
    for cut in test.cuts:
        assert cut.law in names
        scale = 6 * table["N"] * table["D"]
        below = table.take(scale <= cut.limit * (1 + 1e-9))
        assert len(below) == cut.trained
        assert again(found, below).law.name == cut.law
    assert test.to_dict()["law_chosen_at_each_cut"] is True
    assert "chosen anew" in test.summary()


def test_a_law_that_was_named_is_not_chosen(made: Backtest) -> None:
    assert not made.chosen
    assert {c.law for c in made.cuts} == {"chinchilla"}
