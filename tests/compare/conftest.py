"""Two methods under planted laws, whose multiplier and crossing have closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from forescale.laws import get
from forescale.runs import RunTable

LAW = get("power")
T = dict(LAW.typical)

#: What is planted: the second method's law, where the first has the typical one.
WORLDS = {
    "same": T,
    "offset": {**T, "A": 0.9 * T["A"]},
    # 5 % lower at 10^18.5 FLOPs, and falling faster.
    "exponent": {**T, "alpha": T["alpha"] + 0.02, "A": 0.95 * T["A"] * 10 ** (18.5 * 0.02)},
    # Level at 1e22, a hundred times beyond the runs: ahead before, behind after.
    "crossing": {**T, "alpha": T["alpha"] - 0.02, "A": T["A"] * 10 ** (-22 * 0.02)},
}


def _planted(
    world: str,
    seed: int = 0,
    *,
    runs: int = 12,
    noise: float = 0.003,
    shared: float = 0.0,
) -> RunTable:
    """Runs of "base" and "new" from 1e17 to 1e20 FLOPs; `shared` is luck that partners share."""
    rng = np.random.default_rng(seed)
    c = np.logspace(17, 20, runs)
    luck = shared * rng.normal(size=runs)
    losses = [
        LAW.predict({"C": c}, law) * np.exp(luck + noise * rng.normal(size=runs))
        for law in (T, WORLDS[world])
    ]
    method = np.repeat(np.array(["base", "new"], object), runs)
    return RunTable({"C": np.tile(c, 2), "L": np.concatenate(losses), "method": method})


@pytest.fixture(scope="session")
def planted() -> Callable[..., RunTable]:
    return _planted
