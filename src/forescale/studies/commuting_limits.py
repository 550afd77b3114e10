"""With branches scaled by 1/sqrt(depth), width and depth may go to infinity in either order.

Source: Hayou 2023, "Commutative Width and Depth Scaling in Deep Neural Networks".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

#: Width and depth: aspect ratios 1/4, 1 and 4.
SHAPES = ((512, 128), (256, 256), (160, 640))
OVERLAP = 0.8
OFF, LEAST_SPREAD = 0.05, 5.0
#: The same ratios for plain nets; only the ratio matters there.
PLAIN_SHAPES = ((128, 32), (32, 128))


def gram(x: Array) -> Array:
    """Mean products of two inputs' coordinates, shape (nets, 2, 2), of x (nets, 2, width)."""
    return np.asarray(x @ x.swapaxes(1, 2) / x.shape[2])


def covariance(width: int, depth: int, nets: int, rng: np.random.Generator, *, skip: bool) -> Array:
    """Covariance of two inputs' last pre-activations, one per net, shape (nets,).

    W acts on both inputs at once: its products are normal in each coordinate with the Gram matrix
    of the activations as covariance, and are drawn as that. With skips the branch is scaled by
    1/sqrt(depth); without, W has He's variance 2/width.
    """
    first = np.array([[1.0, 0.0], [OVERLAP, np.sqrt(1 - OVERLAP**2)]])
    z = rng.normal(size=(nets, 2, width))
    # Every net starts from exactly these products.
    x = first @ np.linalg.solve(np.linalg.cholesky(gram(z)), z)
    for _ in range(depth):
        g = gram(np.maximum(x, 0.0)) + 1e-300 * np.eye(2)
        a = np.sqrt(g[:, 0, 0])
        b = g[:, 0, 1] / a
        c = np.sqrt(np.maximum(g[:, 1, 1] - b**2, 0.0))
        u, v = rng.normal(size=(2, nets, width))
        branch = np.stack([a[:, None] * u, b[:, None] * u + c[:, None] * v], axis=1)
        x = x + branch / np.sqrt(depth) if skip else np.sqrt(2.0) * branch
    return np.asarray(gram(x)[:, 0, 1])


def limit() -> float:
    """The covariance after unit time by its differential equation, started at OVERLAP.

    The variance q of each input obeys q' = q/2, and the covariance grows by the mean product of
    two rectified normals: q (sqrt(1 - r^2) + r (pi - arccos r))/(2 pi) at correlation r.
    """
    from scipy.integrate import solve_ivp

    def rise(t: float, covariance: Array) -> Array:
        q = np.exp(t / 2)
        r = np.clip(covariance / q, -1, 1)
        grown = q * (np.sqrt(1 - r**2) + r * (np.pi - np.arccos(r))) / (2 * np.pi)
        return np.asarray(grown)

    found = solve_ivp(rise, (0.0, 1.0), [OVERLAP], rtol=1e-9, atol=1e-12)
    return float(found.y[0, -1])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Average the covariance over nets of three aspect ratios, scaled and plain."""
    nets = 2000 if rerun else 100
    rng = np.random.default_rng([seed, 2302])
    told = limit()
    numbers = {}
    for width, depth in SHAPES:
        progress(f"{nets} nets of width {width} and depth {depth}")
        found = covariance(width, depth, nets, rng, skip=not falsified)
        numbers[f"off_{width}x{depth}"] = over_worlds(
            found / told - 1,
            mean,
            seed=seed,
            least=-OFF,
            most=OFF,
            what=f"mean covariance at width {width}, depth {depth}, over the limit {told:.3f}, "
            "less 1",
        )
    logs = [
        np.log(covariance(width, depth, 3 * nets, rng, skip=False)) for width, depth in PLAIN_SHAPES
    ]
    numbers["plain_spread"] = over_worlds(
        logs[0] - logs[-1],
        mean,
        seed=seed,
        least=np.log(LEAST_SPREAD),
        what="log of the typical covariance of plain nets at depth/width 1/4 over that at 4",
    )
    return judge(numbers, f"simulation: {nets} nets of each of {len(SHAPES)} shapes")


STUDY = Study(
    name="commuting_limits",
    papers=("Commutative Width and Depth Scaling in Deep Neural Networks",),
    claim="In ReLU residual nets whose branches are scaled by 1/sqrt(depth) the covariance of two "
    "inputs tends to one limit however width and depth grow; in plain nets it depends on their "
    "ratio.",
    criteria=f"At depth/width 1/4, 1 and 4 the mean covariance is within {OFF:.0%} of its "
    f"differential equation, and that of plain nets differs {LEAST_SPREAD:g} times or more.",
    check=check,
    full="2000 nets of each shape instead of 100",
    falsified="the same nets without skips and without the scale",
    note="Plain nets are compared in their geometric mean: their covariance has heavy tails, and "
    "the mean over nets is 1 at any ratio for the variance.",
)
