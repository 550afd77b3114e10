"""Simulated tables of runs with a planted law."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.laws import Law, get
from forescale.maths.sequences import kronecker
from forescale.runs import RunTable

CHINCHILLA = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def _simulate(
    law: Law | str = "chinchilla",
    theta: dict[str, float] | None = None,
    *,
    n: int = 60,
    noise: float = 0.0,
    seed: int = 0,
    domain: dict[str, tuple[float, float]] | None = None,
    **columns: object,
) -> RunTable:
    """n runs, quasi-random over the law's domain, with relative Gaussian noise."""
    law = get(law) if isinstance(law, str) else law
    ends = domain or law.domain
    u = kronecker(n, len(law.inputs))
    x = {
        i: np.exp(np.log(ends[i][0]) + u[:, j] * np.log(ends[i][1] / ends[i][0]))
        for j, i in enumerate(law.inputs)
    }
    y = law.predict(x, theta or law.typical)
    y = y * np.exp(noise * np.random.default_rng(seed).normal(size=n))
    return RunTable({**x, law.predicts: y, **{k: np.asarray(v) for k, v in columns.items()}})


@pytest.fixture
def simulate() -> Callable[..., RunTable]:
    return _simulate
