"""Simulated tables of runs: budgets by sizes under a planted Chinchilla law."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.laws import get
from forescale.runs import RunTable

CHINCHILLA = get("chinchilla").typical


def optimum(flops: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Compute-optimal N and D of the planted law, in closed form."""
    a, b = CHINCHILLA["alpha"], CHINCHILLA["beta"]
    g = (a * CHINCHILLA["A"] / (b * CHINCHILLA["B"])) ** (1 / (a + b))
    n = g * (np.asarray(flops) / 6) ** (b / (a + b))
    return n, np.asarray(flops) / (6 * n)


def _world(seed: int = 0, *, noise: float = 0.004, law: str = "chinchilla") -> RunTable:
    """Six budgets from 1e17 to 10^19.5 FLOPs, six sizes each around the optimum."""
    flops = np.repeat(np.logspace(17, 19.5, 6), 6)
    n = optimum(flops)[0] * np.tile(np.logspace(-0.6, 0.6, 6), 6)
    x = {"N": n, "D": flops / (6 * n)}
    planted = get(law)
    error = np.exp(noise * np.random.default_rng(seed).normal(size=36))
    return RunTable({**x, "C": flops, "L": planted.predict(x, planted.typical) * error})


def _power(n: int = 20, *, seed: int = 0, noise: float = 0.003) -> RunTable:
    """n budgets, nothing but compute known, under a planted power law with a floor."""
    c = np.logspace(18, 21, n)
    error = np.exp(noise * np.random.default_rng(seed).normal(size=n))
    return RunTable({"C": c, "L": (1.8 + 900.0 / c**0.15) * error})


@pytest.fixture(scope="session")
def world() -> Callable[..., RunTable]:
    return _world


@pytest.fixture(scope="session")
def power() -> Callable[..., RunTable]:
    return _power


@pytest.fixture(scope="session")
def target() -> Callable[[float], dict[str, float]]:
    """The compute-optimal place for a budget, under the planted law."""

    def at(flops: float) -> dict[str, float]:
        n, d = optimum(flops)
        return {"N": float(n), "D": float(d)}

    return at
