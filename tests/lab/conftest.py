"""torch is imported when a test runs, so that without it the tests are counted as skipped."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

#: Settings under which a task is made in a moment.
SMALL: dict[str, dict[str, Any]] = {
    "chaos": {"examples": 128, "validation": 64},
    "digits": {"examples": 300},
    "markov_bytes": {"validation": 64},
    "mnist1d": {"examples": 200, "validation": 100},
    "modular": {"p": 23},
    "pcfg_bytes": {"validation": 64},
    "stdlib_bytes": {"unique": 40_000, "validation": 100},
    "xor_clusters": {"inputs": 100},
}


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    import torch

    torch.set_num_threads(1)
    return torch


@pytest.fixture(scope="session")
def small() -> dict[str, dict[str, Any]]:
    return SMALL


@pytest.fixture(scope="session")
def make_data(torch: ModuleType) -> Any:
    """The data of a task at small settings, made once."""
    from forescale.lab import tasks

    made: dict[str, Any] = {}

    def make(name: str) -> Any:
        if name not in made:
            made[name] = tasks.get(name).data(**SMALL.get(name, {}))
        return made[name]

    return make


@pytest.fixture(scope="session")
def start(torch: ModuleType) -> Any:
    """A module with its parameters filled, and their roles."""
    from forescale.lab import inits, models

    def make(
        name: str, io: Any, size: int = 1, init: str = "standard", seed: int = 0, **settings: Any
    ) -> Any:
        model, begin = models.get(name), inits.get(init)
        module = model.make(io, size, **settings)
        roles = inits.roles(model, io, size, settings)
        begin.apply(module, roles, seed=seed)
        return module, roles

    return make
