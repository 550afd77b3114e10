"""From a good start the solver ends where a search from nothing ends, and sooner."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.fit import fit, specify
from forescale.fit._build import build
from forescale.fit._solve import solve_from
from forescale.fit.objective import OBJECTIVES
from forescale.laws import get
from forescale.runs import RunTable


@pytest.fixture(scope="module")
def runs() -> RunTable:
    rng = np.random.default_rng(5)
    law = get("chinchilla")
    x = {"N": 10 ** rng.uniform(7, 9.5, 40), "D": 10 ** rng.uniform(8.5, 11, 40)}
    y = law.predict(x, law.typical) * np.exp(0.01 * rng.normal(size=40))
    y[3] *= 1.1
    return RunTable({**x, "L": y})


@pytest.mark.parametrize("objective", [o for o in OBJECTIVES if o != "one-sided"])
def test_a_warm_start_ends_where_the_search_ends(objective: str, runs: RunTable) -> None:
    whole = fit(runs, "chinchilla", objective=objective)
    fewer = runs.take(runs["N"] > np.quantile(runs["N"], 0.15))
    spec = specify(fewer, "chinchilla", objective=objective)
    problem = build(fewer, spec)
    begin = problem.fitting(whole.natural[None])
    # A second start, far off, must not win.
    begin = np.concatenate([begin + 0.5, begin])
    solved, found = solve_from(problem, spec.objective, begin)
    cold = fit(fewer, "chinchilla", objective=objective)
    assert bool(found.converged[0])
    np.testing.assert_allclose(found.theta[0], cold.theta, atol=2e-3)
    if OBJECTIVES[objective].scale:
        assert solved.rho.sigma == pytest.approx(cold.sigma, rel=1e-3)
