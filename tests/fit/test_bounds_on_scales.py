"""A bound that a user sets on a scale holds in the user's own units."""

import numpy as np
import pytest

from forescale.fit import fit
from forescale.runs import RunTable


def runs() -> RunTable:
    rng = np.random.default_rng(0)
    n, d = np.meshgrid(np.geomspace(1e7, 1e9, 6), np.geomspace(1e9, 1e11, 6))
    n, d = n.ravel(), d.ravel()
    loss = 1.8 + 480 / n**0.35 + 2100 / d**0.37
    noisy = loss * np.exp(0.002 * rng.standard_normal(len(n)))
    return RunTable({"N": n, "D": d, "L": noisy})


def test_a_bound_that_binds_is_kept_and_said():
    held = fit(runs(), "chinchilla", bounds={"A": (0.0, 200.0)})
    assert held.params["A"] == pytest.approx(200.0, rel=1e-9)
    assert any("AT BOUND: A" in f.message for f in held.flags)


def test_a_bound_that_does_not_bind_changes_nothing():
    free, held = fit(runs(), "chinchilla"), fit(runs(), "chinchilla", bounds={"A": (1.0, 1e6)})
    for name, value in free.params.items():
        assert held.params[name] == pytest.approx(value, rel=1e-4)
