"""Simulated tables under a planted Chinchilla law, whose optimum has a closed form."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.fit import Fit, fit
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

T = get("chinchilla").typical


def _optimum(flops: float) -> tuple[float, float]:
    """N and D that minimise E + A/N^alpha + B/D^beta at 6 N D = flops."""
    a, b = T["alpha"], T["beta"]
    g = (a * T["A"] / (b * T["B"])) ** (1 / (a + b))
    n = g * (flops / 6) ** (b / (a + b))
    return float(n), float(flops / (6 * n))


def _world(seed: int = 0, *, noise: float = 0.004, sizes: int = 6) -> RunTable:
    """Six budgets from 1e17 to 10^19.5 FLOPs, each at several sizes around the optimum."""
    flops = np.repeat(np.logspace(17, 19.5, 6), sizes)
    middle = np.array([_optimum(c)[0] for c in flops])
    n = middle * np.tile(np.logspace(-0.6, 0.6, sizes), 6)
    x = {"N": n, "D": flops / (6 * n)}
    law = get("chinchilla")
    error = np.exp(noise * np.random.default_rng(seed).normal(size=len(n)))
    return RunTable({**x, "C": flops, "L": law.predict(x, law.typical) * error})


@pytest.fixture(scope="session")
def optimum() -> Callable[[float], tuple[float, float]]:
    return _optimum


@pytest.fixture(scope="session")
def world() -> Callable[..., RunTable]:
    return _world


@pytest.fixture(scope="session")
def exact() -> Fit:
    """A fit of runs without noise: its optimum is the planted one."""
    return assess(fit(_world(noise=0.0)), "sandwich", resamples=50)


@pytest.fixture(scope="session")
def noisy() -> Fit:
    return assess(fit(_world(1)), resamples=400)
