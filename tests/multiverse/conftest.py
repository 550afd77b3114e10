"""Iso-FLOP tables under planted laws, whose compute-optimal exponent is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forescale.laws import get
from forescale.runs import RunTable

T = dict(get("chinchilla").typical)

World = Callable[..., RunTable]


def _planted(
    exponent: float = 0.5, *, seed: int = 0, noise: float = 0.003, budgets: int = 6, **more: str
) -> RunTable:
    """Budgets from 1e17 to 1e20 FLOPs at six sizes around the best one, N_opt ~ C^exponent."""
    # a = beta / (alpha + beta), with the sum of both kept.
    both = 0.7
    law = {**T, "alpha": both * (1 - exponent), "beta": both * exponent}
    # Amplitudes under which size and data bring as much in the middle of the runs.
    law["A"], law["B"] = 0.4 * 1e8 ** law["alpha"], 0.4 * 2e9 ** law["beta"]
    flops = np.repeat(np.logspace(17, 20, budgets), 6)
    middle = 1e8 * (flops / 1.2e18) ** exponent
    n = middle * np.tile(np.logspace(-0.6, 0.6, 6), budgets)
    x = {"N": n, "D": flops / (6 * n)}
    luck = np.exp(noise * np.random.default_rng(seed).normal(size=len(n)))
    words = {k: np.full(len(n), v, object) for k, v in more.items()}
    return RunTable({**x, "C": flops, "L": get("chinchilla").predict(x, law) * luck, **words})


def _joined(*tables: RunTable) -> RunTable:
    """Several tables as one."""
    return RunTable({k: np.concatenate([t[k] for t in tables]) for k in tables[0].columns})


@pytest.fixture(scope="session")
def planted() -> World:
    return _planted


@pytest.fixture(scope="session")
def joined() -> World:
    return _joined
