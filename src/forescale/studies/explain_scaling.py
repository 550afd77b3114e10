"""Variance limits give exponent 1; resolution limits give the kernel's, in data and in width.

Source: Bahri et al. 2021, "Explaining Neural Scaling Laws".
"""

from __future__ import annotations

import numpy as np

from forescale.lab import worlds
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._exponent import exponent

OFF, VARIANCE_OFF = 0.1, 0.15
REGIMES = {
    "resolution_data": "D",
    "resolution_width": "m",
    "variance_data": "D",
    "variance_width": "m",
}


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Fit the exponent of each regime and compare with 1 and with the spectrum's."""
    world = worlds.get("explain_scaling")
    alpha = world.settings["alpha"]
    tables = []
    for k in range(20 if rerun else 2):
        progress(f"table {k + 1}: random-feature students in four regimes")
        teacher = 0.6 * alpha if falsified else alpha
        tables.append(world.runs(seed=1000 * seed + k, teacher=teacher))
    numbers = {}
    for regime, size in REGIMES.items():
        parts = [t.where(f"regime={regime}") for t in tables]
        truth, off = (alpha, OFF) if regime.startswith("resolution") else (1.0, VARIANCE_OFF)
        numbers[regime] = exponent(
            np.concatenate([p[size] for p in parts]),
            np.concatenate([p["L"] for p in parts]),
            seed=seed,
            least=truth - off,
            most=truth + off,
            what=f"exponent of {'loss' if truth == alpha else 'distance to the limit'} in "
            f"{'data' if size == 'D' else 'width'}; {truth:g} by theory",
        )
    data, width = numbers["resolution_data"], numbers["resolution_width"]
    numbers["duality"] = Number(
        data.value - width.value,
        data.lo - width.hi,
        data.hi - width.lo,
        least=-2 * OFF,
        most=2 * OFF,
        what="exponent in data less that in width, where resolution limits",
    )
    return judge(numbers, f"simulation: {len(tables)} tables of the world 'explain_scaling'")


STUDY = Study(
    name="explain_scaling",
    papers=("Explaining Neural Scaling Laws",),
    claim="A random-feature student nears its limit as 1/D and 1/width where variance limits, "
    "and where resolution limits its loss falls with the exponent of the kernel's spectrum, the "
    "same in data and in width.",
    criteria=f"Variance-limited exponents are within {VARIANCE_OFF} of 1 and resolution-limited "
    f"ones within {OFF} of the spectrum's; the latter two differ by at most {2 * OFF}.",
    check=check,
    full="20 tables instead of 2",
    falsified="a teacher that is not drawn from the kernel but has more power in high modes",
    note="Linear in the random features: it tests the theory's regimes, not deep networks. The "
    "interval of the difference adds the two intervals, so it is wider than 95 %.",
)
