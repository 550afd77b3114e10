"""Simulated tables of runs with planted parameters and errors."""

from collections.abc import Callable

import numpy as np
import pytest

from forescale.laws import get
from forescale.runs import RunTable


def _grid(*, seed: int = 0, noise: float = 0.004, cluster_noise: float = 0.0) -> RunTable:
    """Six sizes by five token counts under the Chinchilla law; a size may err as a whole."""
    rng = np.random.default_rng(seed)
    size = np.repeat(np.arange(6), 5)
    x = {"N": np.logspace(7, 9.5, 6)[size], "D": np.tile(np.logspace(8.5, 11, 5), 6)}
    law = get("chinchilla")
    error = noise * rng.normal(size=30) + cluster_noise * rng.normal(size=6)[size]
    group = np.array([f"size{i}" for i in size], object)
    return RunTable({**x, "L": law.predict(x, law.typical) * np.exp(error), "group": group})


def _line(n: int = 8, *, seed: int = 0, noise: float = 0.004) -> RunTable:
    """n budgets under a power law in compute."""
    law = get("power")
    c = np.logspace(17, 21, n)
    error = noise * np.random.default_rng(seed).normal(size=n)
    return RunTable({"C": c, "L": law.predict({"C": c}, law.typical) * np.exp(error)})


@pytest.fixture(scope="session")
def grid() -> Callable[..., RunTable]:
    return _grid


@pytest.fixture(scope="session")
def line() -> Callable[..., RunTable]:
    return _line
