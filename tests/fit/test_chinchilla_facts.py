"""Facts about the Chinchilla table, where it is given by FORESCALE_DATA."""

import os
from pathlib import Path

import numpy as np
import pytest

from forescale.fit import fit, refit
from forescale.runs import read

FOLDER = os.environ.get("FORESCALE_DATA", "")
pytestmark = pytest.mark.skipif(not FOLDER, reason="FORESCALE_DATA names no folder with the data")


@pytest.fixture(scope="module")
def found():
    runs = read(Path(FOLDER) / "chinchilla_epoch.csv", where="in_epoch_240=1")
    assert len(runs) == 240
    return fit(runs, "chinchilla", objective="hoffmann")


def test_the_minimum_is_the_best_known(found):
    assert found.converged
    assert found.value <= 0.001018274018


def test_the_parameters_are_those_of_the_replication(found):
    # Besiroglu et al. 2024, table 1.
    assert found.params == pytest.approx(
        {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}, rel=0.03
    )


def test_every_resample_is_proved_a_minimum(found):
    weights = np.random.default_rng(0).multinomial(240, np.full(240, 1 / 240), 500) * 1.0
    assert refit(found.problem, found.theta, weights).converged.all()


def test_a_cold_start_ends_where_a_warm_one_does(found):
    weights = np.random.default_rng(1).multinomial(240, np.full(240, 1 / 240), 200) * 1.0
    warm = refit(found.problem, found.theta, weights)
    cold = refit(found.problem, found.theta + 0.1, weights)
    assert (cold.value <= warm.value * (1 + 1e-6)).mean() > 0.98
