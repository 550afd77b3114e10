"""Iso-FLOP parabolas: a planted quadratic is recovered, and what tells nothing is skipped."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.fit.isoflop import approach2, parabolas
from forescale.runs import RunTable

World = Callable[..., RunTable]


def planted(
    *, exponent: float = 0.48, noise: float = 0.0, budgets: int = 5, sizes: int = 7
) -> RunTable:
    """Budgets whose log loss is an exact parabola in log N around 0.1 C^exponent."""
    flops = np.repeat(np.logspace(18, 20, budgets), sizes)
    best = 0.1 * flops**exponent
    n = best * np.tile(np.exp(np.linspace(-1.5, 1.5, sizes)), budgets)
    loss = 20 * flops**-0.05 * np.exp(0.02 * np.log(n / best) ** 2)
    loss = loss * np.exp(noise * np.random.default_rng(0).normal(size=len(n)))
    return RunTable({"N": n, "D": flops / (6 * n), "C": flops, "L": loss})


def test_planted_parabolas_are_recovered() -> None:
    found, skipped = parabolas(planted())
    assert skipped == ()
    assert len(found) == 5
    for p in found:
        assert p.n_opt == pytest.approx(0.1 * p.flops**0.48, rel=1e-6)
        assert p.curve == pytest.approx(0.02, rel=1e-6)
        assert p.loss == pytest.approx(20 * p.flops**-0.05, rel=1e-6)
        assert p.runs == 7
        assert p.n_error < 1e-6


def test_the_planted_exponent_and_size_are_continued() -> None:
    found = approach2(planted(), 1e22)
    assert not isinstance(found, str)
    assert found.exponent[0] == pytest.approx(0.48, abs=1e-6)
    assert found.n[0] == pytest.approx(0.1 * 1e22**0.48, rel=1e-4)


def test_noise_gives_intervals_that_hold_the_truth() -> None:
    found = approach2(planted(noise=0.001), 1e22)
    assert not isinstance(found, str)
    assert found.exponent[1] < 0.48 < found.exponent[2]
    assert found.n[1] < 0.1 * 1e22**0.48 < found.n[2]
    assert found.n[1] < found.n[0] < found.n[2]
    assert found.to_dict()["exponent"]["interval"] == list(found.exponent[1:])


def test_it_agrees_with_the_law_where_both_can_be_told(world: World) -> None:
    from forescale.fit import fit
    from forescale.plan import plan

    made = plan(fit(world(1, noise=0.001)), flops=1e20, resamples=50)
    assert not isinstance(made.isoflop, str)
    assert made.isoflop.n[0] == pytest.approx(made.optimum["N"].value, rel=0.15)


def test_the_wings_are_not_part_of_the_parabola() -> None:
    table = planted(sizes=9)
    loss = table["L"].copy()
    n_opt = 0.1 * table["C"] ** 0.48
    wide = RunTable({**table.columns, "L": loss + 0.0 * n_opt})
    found, _ = parabolas(wide)
    assert all(p.runs == 9 for p in found)


def test_a_budget_with_few_sizes_is_no_parabola() -> None:
    assert approach2(planted(sizes=4), 1e22) == (
        "0 compute budgets have 5 sizes around a best one; 3 are needed"
    )


def test_two_budgets_are_too_few_for_a_power_law() -> None:
    assert isinstance(approach2(planted(budgets=2), 1e22), str)


def test_a_budget_whose_best_size_was_not_run_is_skipped_with_the_reason() -> None:
    table = planted()
    bent = RunTable({**table.columns, "L": table["L"] * table["N"] ** -0.2})
    found, skipped = parabolas(bent)
    assert found == ()
    assert len(skipped) == 5
    assert "outside the sizes run" in skipped[0]


def test_a_loss_that_does_not_curve_up_is_skipped_with_the_reason() -> None:
    table = planted()
    best = 0.1 * table["C"] ** 0.48
    hill = RunTable({**table.columns, "L": 2 * np.exp(-0.02 * np.log(table["N"] / best) ** 2)})
    assert "does not curve up" in parabolas(hill)[1][0]


def test_a_table_without_sizes_says_so() -> None:
    table = RunTable({"C": np.logspace(18, 20, 9), "L": np.linspace(3, 2, 9)})
    assert approach2(table, 1e22) == "the table has no N or no L"
