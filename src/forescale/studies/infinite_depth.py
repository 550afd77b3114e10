"""Deep residual nets of finite width: norms follow a diffusion that shrinks below width 4.

Source: Hayou 2022, "On the infinite-depth limit of finite-width neural networks".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

NETS, DEPTH = 5000, 500
FORMULA = (5, 8)
NARROW, OFF = 3, 0.04


def log_growth(width: int, nets: int, rng: np.random.Generator, falsified: bool) -> Array:
    """Log of the last post-activation's norm over the first's, shape (nets alive,).

    The net adds W relu(x)/sqrt(depth) to x in each layer, with entries of W of variance 1/width.
    W acts once, on one vector: its product is normal of variance |relu(x)|^2/width in each
    coordinate, and is drawn as that. In the false world the branch only stretches x, and
    by a fixed amount: nothing diffuses. Nets without an active unit are left out.
    """
    x = rng.normal(size=(nets, width))
    first = np.linalg.norm(np.maximum(x, 0.0), axis=1)
    for _ in range(DEPTH):
        power = (np.maximum(x, 0.0) ** 2).sum(1, keepdims=True) / (width * DEPTH)
        if falsified:
            x = x * (1 + np.sqrt(power) / (1 + np.abs(x).sum(1, keepdims=True)))
        else:
            x = x + np.sqrt(power) * rng.normal(size=x.shape)
    last = np.linalg.norm(np.maximum(x, 0.0), axis=1)
    alive = (first > 0) & (last > 0)
    return np.asarray(np.log(last[alive] / first[alive]))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Run many random residual nets of several widths and average the log of their norm."""
    nets = 40_000 if rerun else NETS
    rng = np.random.default_rng([seed, 2210])
    progress(f"{nets} nets of depth {DEPTH} at widths {NARROW} and {FORMULA}")
    numbers = {
        "narrow": over_worlds(
            log_growth(NARROW, nets, rng, falsified),
            mean,
            seed=seed,
            most=0.0,
            what=f"mean log growth of the norm at width {NARROW}",
        )
    }
    for n in FORMULA:
        numbers[f"width_{n}"] = over_worlds(
            log_growth(n, nets, rng, falsified),
            mean,
            seed=seed,
            least=max(0.25 - 1 / n - OFF, 0.0),
            most=0.25 - 1 / n + OFF,
            what=f"mean log growth of the norm at width {n}; 1/4 - 1/n is {0.25 - 1 / n:.3f}",
        )
    return judge(numbers, f"simulation: {nets} nets of depth {DEPTH} at each width")


STUDY = Study(
    name="infinite_depth",
    papers=("On the infinite-depth limit of finite-width neural networks",),
    claim="In deep ReLU residual nets of finite width the post-activation norm follows a "
    "diffusion: its log grows by 1/4 - 1/width on average, which turns negative below width 4.",
    criteria=f"The mean log growth is at most 0 at width {NARROW}, and above 0 and within {OFF} of "
    f"1/4 - 1/width at widths {FORMULA[0]} and {FORMULA[1]}.",
    check=check,
    full="40 000 nets of each width instead of 5000",
    falsified="branches that only stretch their input: nothing diffuses",
    note=f"Depth {DEPTH}. Nets in which no unit is active at the start or at the end are left out; "
    "at finite depth a narrow net can die, which the limit forbids.",
)
