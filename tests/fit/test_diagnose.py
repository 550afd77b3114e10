"""Doubts are raised where they should be, and not where they should not."""

import numpy as np
import pytest

from forescale.fit import fit
from forescale.runs import RunTable


def flags(found):
    return {f.name: f for f in found.flags}


def test_a_good_design_raises_no_doubt(simulate):
    for seed in range(5):
        found = fit(simulate(n=80, noise=0.004, seed=seed))
        assert found.health == "ok", found.flags


def test_an_input_that_never_varies_is_named(simulate):
    runs = simulate(n=40, noise=0.004)
    constant = RunTable({"N": np.full(40, 1e9), "D": runs["D"], "L": runs["L"]})
    found = fit(constant)
    assert "N never varies" in flags(found)["constant input"].message
    assert "unidentified" in flags(found)
    assert not found.healthy


def test_inputs_in_step_are_doubted(simulate):
    n = np.geomspace(1e8, 1e10, 40)
    x = {"N": n, "D": 20 * n}
    runs = RunTable({**x, "L": 1.8 + 400 * n**-0.34 + 2000 * (20 * n) ** -0.36})
    assert "inputs move together" in flags(fit(runs))


def test_a_narrow_range_is_doubted(simulate):
    runs = simulate(n=40, noise=0.002, domain={"N": (1e9, 2e9), "D": (2e8, 3e11)})
    found = flags(fit(runs))
    assert "N spans only a factor" in found["narrow range"].message


def test_outliers_are_named_by_row_with_sign_and_size(simulate):
    runs = simulate(n=60, noise=0.002, seed=1)
    y = np.array(runs["L"])
    y[[7, 31]] *= [1.2, 0.9]
    found = flags(fit(RunTable({"N": runs["N"], "D": runs["D"], "L": y})))
    message = found["outliers"].message
    assert "2 runs" in message
    assert "row 8 +1" in message
    assert "row 32 -1" in message


def test_a_run_that_alone_decides_is_named(simulate):
    runs = simulate(n=30, noise=0.002, domain={"N": (1e8, 1e9), "D": (1e9, 1e10)}, seed=2)
    grown = {c: np.append(runs[c], v) for c, v in (("N", 1e13), ("D", 1e13), ("L", 1.83))}
    assert "row 31" in flags(fit(RunTable(grown)))["leverage"].message


def test_a_law_that_bends_away_from_the_runs_is_doubted(simulate):
    n = np.geomspace(1e6, 1e12, 60)
    runs = RunTable({"N": n, "L": 2 + 0.05 * (np.log10(n) - 9) ** 2})
    assert "N" in flags(fit(runs, "E + A*N^-a"))["bends"].message


def test_few_runs_are_doubted(simulate):
    assert "few runs" in flags(fit(simulate(n=7, noise=0.002)))
    assert "few runs" not in flags(fit(simulate(n=8, noise=0.002)))


def test_a_parameter_without_effect_is_a_failure(simulate):
    n = np.geomspace(1e7, 1e11, 30)
    noise = np.exp(0.002 * np.random.default_rng(0).normal(size=30))
    found = fit(RunTable({"N": n, "L": (2 + 400 * n**-0.34) * noise}), "E + F + A*N^-a")
    assert "unidentified" in flags(found)
    assert "E" in flags(found)["unidentified"].message
    assert "F" in flags(found)["unidentified"].message


def test_the_gravest_doubt_comes_first(simulate):
    n = np.full(40, 1e9)
    runs = simulate(n=40, noise=0.004)
    found = fit(RunTable({"N": n, "D": runs["D"], "L": runs["L"]}))
    rank = [{"fail": 0, "warn": 1, "note": 2}[f.severity] for f in found.flags]
    assert rank == sorted(rank)
    assert rank[0] == 0


@pytest.mark.parametrize("n", [6, 12, 500])
def test_diagnosis_never_warns_or_fails_whatever_the_size(simulate, n):
    assert fit(simulate(n=n, noise=0.01)).flags is not None
