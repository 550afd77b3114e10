"""Refits of resamples agree with fitting each resample by itself."""

import numpy as np
import pytest

from forescale.fit import fit, refit
from forescale.fit._solve import thin
from forescale.laws import get
from forescale.runs import RunTable


def test_a_resample_is_refitted_as_a_table_with_repeated_rows(simulate):
    runs = simulate(n=60, noise=0.01)
    found = fit(runs, objective="hoffmann")
    rng = np.random.default_rng(0)
    for _ in range(5):
        rows = rng.integers(0, 60, 60)
        again = fit(runs.take(rows), objective="hoffmann")
        ends = refit(found.problem, found.theta, np.bincount(rows, minlength=60)[None] * 1.0)
        assert ends.converged[0]
        assert ends.value[0] == pytest.approx(again.value, rel=1e-7)
        natural = found.problem.natural(ends.theta)[0]
        np.testing.assert_allclose(natural, again.natural, rtol=1e-3)


def test_resamples_do_not_depend_on_the_batch_they_are_in(simulate):
    found = fit(simulate(n=60, noise=0.01))
    w = np.random.default_rng(0).multinomial(60, np.full(60, 1 / 60), 700) * 1.0
    together = refit(found.problem, found.theta, w)
    some = [0, 299, 300, 699]
    alone = refit(found.problem, found.theta, w[some])
    np.testing.assert_allclose(alone.theta, together.theta[some], rtol=1e-9)


def test_other_observations_give_the_fit_of_those_observations(simulate):
    runs = simulate(n=50, noise=0.01)
    found = fit(runs, objective="lsq-log")
    y = runs["L"] * np.exp(0.01 * np.random.default_rng(1).normal(size=50))
    ends = refit(found.problem, found.theta, np.ones((1, 50)), y[None])
    other = fit(RunTable({"N": runs["N"], "D": runs["D"], "L": y}), objective="lsq-log")
    assert ends.value[0] == pytest.approx(other.value, rel=1e-8)


def test_thinning_keeps_every_group_and_spreads_over_a_grid(simulate):
    n, d = (v.ravel() for v in np.meshgrid(np.geomspace(1e8, 1e10, 60), np.geomspace(1e9, 1e11, 8)))
    y = get("chinchilla").predict({"N": n, "D": d}, get("chinchilla").typical)
    few = thin(fit(RunTable({"N": n, "D": d, "L": y})).problem, 60)
    assert len(few.y) == 60
    # A stride over rows sorted by N would take the same D every time.
    assert len(np.unique(few.inputs[1].round(6))) == 8


@pytest.mark.slow
def test_a_million_runs_are_fitted_in_bounded_memory(simulate):
    import tracemalloc

    runs = simulate(n=1_000_000, noise=0.01)
    tracemalloc.start()
    found = fit(runs)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.converged
    assert found.params["alpha"] == pytest.approx(0.3478, abs=0.002)
    assert peak < 2 * 2**30
