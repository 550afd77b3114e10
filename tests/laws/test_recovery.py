"""Contract of every law: runs simulated from it are recovered, however the search begins."""

from dataclasses import replace

import numpy as np
import pytest

from forescale import laws
from forescale.fit import fit
from forescale.maths.sequences import kronecker
from forescale.runs import RunTable

#: Parameters that exact runs do not single out, and why; predictions are still exact.
NOT_SINGLED_OUT = {
    "bnsl2": "its two breaks may change places",
}
RUNS = 120


def simulated(law, noise):
    """Quasi-random runs over the law's domain, and what the law says at them."""
    u = kronecker(RUNS, len(law.inputs))
    x = {}
    for j, i in enumerate(law.inputs):
        low, high = law.domain[i]
        x[i] = low * (high / low) ** u[:, j] if low > 0 else low + (high - low) * u[:, j]
    truth = law.predict(x, law.typical)
    error = noise * np.random.default_rng(0).normal(size=RUNS)
    seen = truth * np.exp(error) if law.residual == "log" else truth + error * np.ptp(truth)
    return RunTable({**x, law.predicts: seen}), truth


def missed(law, found, runs, truth):
    """Largest error of a prediction, relative as the law counts errors."""
    off = np.abs(found.predict({i: runs[i] for i in law.inputs}) - truth)
    return (off / (np.abs(truth) if law.residual == "log" else np.ptp(truth))).max()


@pytest.mark.parametrize("name", laws.names())
def test_exact_runs_give_back_the_law(name):
    law = laws.get(name)
    runs, truth = simulated(law, 0.0)
    # Without its typical values and its guess the search has to search.
    found = fit(runs, replace(law, typical={}, guess=None))
    assert found.converged
    assert missed(law, found, runs, truth) < 1e-8
    if name not in NOT_SINGLED_OUT:
        for n, value in law.typical.items():
            assert found.params[n] == pytest.approx(value, rel=1e-4, abs=1e-7), n


@pytest.mark.parametrize("name", laws.names())
def test_runs_with_noise_give_back_its_predictions(name):
    law = laws.get(name)
    runs, truth = simulated(law, 0.002)
    found = fit(runs, replace(law, typical={}, guess=None))
    assert found.converged
    assert found.sigma < 0.0025 * (1 if law.residual == "log" else np.ptp(truth))
    # The worst of 120 predictions; a wrong basin misses by far more than the noise.
    assert missed(law, found, runs, truth) < 0.006
