"""Simulated runs and the results made from them, each once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forescale.fit import fit
from forescale.forecast import forecast
from forescale.forecast.records import read as read_records
from forescale.forecast.records import register
from forescale.forecast.scorecard import score
from forescale.plan import plan
from forescale.runs import read
from forescale.uncertainty import assess

HOSTILE = "</script><img src=x onerror=alert(1)>\u2028[bold]{{7*7}}"


def simulated(n: int = 48, seed: int = 0, **more):
    g = np.random.default_rng(seed)
    params = 10 ** g.uniform(7.5, 9.5, n)
    tokens = params * 10 ** g.uniform(0.8, 1.8, n)
    loss = (1.7 + 400 / params**0.34 + 410 / tokens**0.28) * np.exp(0.003 * g.standard_normal(n))
    return read({"params": params, "tokens": tokens, "loss": loss, **more})


@pytest.fixture(scope="session")
def many():
    """The maker of simulated tables."""
    return simulated


@pytest.fixture(scope="session")
def fitted():
    return assess(fit(simulated(), "chinchilla", starts=32), "sandwich", resamples=200)


@pytest.fixture(scope="session")
def forecasted(fitted):
    return forecast(fitted, {"N": 7e10, "D": 1.4e12})


@pytest.fixture(scope="session")
def scored(fitted, tmp_path_factory):
    """Three forecasts on record, the truth of two known, one of them missed."""
    path = tmp_path_factory.mktemp("records") / "r.jsonl"
    record, _ = register(forecast(fitted, {"N": [7e9, 7e10, 7e9], "D": [1e11, 1e12, 1e12]}), path)
    truths = {record.name(0): 2.0, record.name(1): record.places[1].quantiles[0.5] * 1.001}
    kept = replace(read_records(path), source="r.jsonl")
    return score(kept, truths)


@pytest.fixture(scope="session")
def planned(fitted):
    return plan(fitted, flops=1e22)


@pytest.fixture(scope="session")
def one_input():
    runs = read(
        {
            "C": [1e18, 3e18, 1e19, 3e19, 1e20, 3e20],
            "L": [3.522, 3.339, 3.154, 3.000, 2.848, 2.725],
        }
    )
    return forecast(fit(runs, "E + A*C^-a", starts=32), {"C": [1e21, 1e23]}, resamples=200)


@pytest.fixture(scope="session")
def hostile():
    """A fit whose every piece of user text tries to become markup."""
    n = 48
    runs = simulated(
        n,
        run=[f"{HOSTILE}{i}" for i in range(n)],
        **{HOSTILE: [HOSTILE if i % 2 else "plain" for i in range(n)]},
    )
    loss = np.array(runs["L"])
    loss[3] *= 1.2
    runs = runs.with_column("L", loss, note=f"note {HOSTILE}")
    runs = runs.drop(np.arange(n) == 5, f"because {HOSTILE}", "L")
    made = fit(runs, "chinchilla", by=HOSTILE, free=["A"], starts=32)
    return assess(made, "sandwich", resamples=100)


@pytest.fixture(autouse=True, scope="session")
def one_cache(tmp_path_factory):
    """The drawing script is made once for all pages here, and not in the user's own folder."""
    from forescale.report import _bundle

    folder = tmp_path_factory.mktemp("cache")
    patch = pytest.MonkeyPatch()
    patch.setattr(_bundle, "_place", lambda found: folder / f"vega-{found}.js")
    yield
    patch.undo()
