"""Adam, Shampoo and their kin are steepest descent, and the norm says how to scale with width.

Source: Bernstein & Newhouse 2024, "Old Optimizer, New Norm: An Anthology".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

INPUTS, EXAMPLES, STEPS = 6, 10, 16
WIDTHS = (16, 192)
#: Learning rates in octaves, from the first power to the second, for each method.
RATES = {"sign": (-12, -1), "spectral": (-5, 3), "gradient": (-5, 7)}
ALIKE, SHIFT, SMALL = 2.0, 6.0, 1e-10


def polar(left: Array, right: Array) -> Array:
    """The polar factor U V^T of left^T right, on its range.

    Through the small matrix between orthonormal bases, so that a gradient that is a sum over
    few examples costs little however wide the layer is.

    Args:
        left: Shape (..., examples, outputs).
        right: Shape (..., examples, inputs).
    """
    q, r = np.linalg.qr(np.swapaxes(left, -1, -2))
    p, s = np.linalg.qr(np.swapaxes(right, -1, -2))
    u, size, v = np.linalg.svd(r @ np.swapaxes(s, -1, -2))
    some = size > 1e-9 * size[..., :1]
    k = size.shape[-1]
    core = (u[..., :k] * some[..., None, :]) @ v[..., :k, :]
    return np.asarray(q @ core @ np.swapaxes(p, -1, -2))


def step(method: str, left: Array, right: Array) -> Array:
    """The direction of descent for a layer whose gradient is left^T right."""
    if method == "spectral":
        scale = np.sqrt(left.shape[-1] / right.shape[-1])
        return np.asarray(scale * polar(left, right))
    gradient = np.swapaxes(left, -1, -2) @ right
    return np.sign(gradient) if method == "sign" else np.asarray(gradient)


def adam(gradient: Array) -> Array:
    """Adam's first step over its learning rate, with no averaging and no epsilon."""
    m, v, beta = np.zeros_like(gradient), np.zeros_like(gradient), 0.0
    m = beta * m + (1 - beta) * gradient
    v = beta * v + (1 - beta) * gradient**2
    return np.asarray(m / np.sqrt(v))


def shampoo(gradient: Array) -> Array:
    """Shampoo's first step: inverse fourth roots of G G^T and G^T G on both sides of G."""

    def root(square: Array) -> Array:
        values, vectors = np.linalg.eigh(square)
        return np.asarray(vectors * values**-0.25 @ vectors.T)

    return root(gradient @ gradient.T) @ gradient @ root(gradient.T @ gradient)


def best_rates(rng: np.random.Generator, method: str, width: int, seeds: int) -> Array:
    """Log2 of the learning rate of least loss after STEPS steps, shape (seeds,).

    A tanh network of two hidden layers learns a few random labels; the least point is that of
    a parabola through the best rate of the grid and its neighbours.
    """
    octaves = np.arange(RATES[method][0], RATES[method][1] + 1.0)
    n = len(octaves)
    x = np.repeat(rng.normal(size=(seeds, EXAMPLES, INPUTS)), n, 0)
    y = np.repeat(rng.choice([-1.0, 1.0], (seeds, EXAMPLES, 1)), n, 0)
    sizes = (INPUTS, width, width, 1)
    # Every layer starts at a spectral norm near sqrt(outputs/inputs), as its steps have.
    weights = [
        np.repeat(rng.normal(size=(seeds, to, wide)) * np.sqrt(min(to / wide, 1) / wide), n, 0)
        for wide, to in pairwise(sizes)
    ]
    lr = np.tile(2.0**octaves, seeds)[:, None, None]
    total = np.zeros(seeds * n)
    for t in range(STEPS + 1):
        acts = [x]
        for i, w in enumerate(weights):
            z = acts[-1] @ np.swapaxes(w, 1, 2)
            acts.append(z if i == 2 else np.tanh(z))
        loss = ((acts[-1] - y) ** 2).mean((1, 2))
        # The mean along the way, in which one lucky last step does not decide.
        total += np.log(np.clip(loss, 1e-6, 1e6)) / (STEPS + 1)
        if t == STEPS:
            break
        delta = np.clip(2 * (acts[-1] - y) / EXAMPLES, -1e6, 1e6)
        new = list(weights)
        for i in (2, 1, 0):
            move = step(method, delta, acts[i])
            new[i] = weights[i] - lr * (1 - t / STEPS) * move
            if i:
                delta = (delta @ weights[i]) * (1 - acts[i] ** 2)
        weights = [np.clip(w, -1e6, 1e6) for w in new]
    grid = total.reshape(seeds, n)
    at = np.clip(grid.argmin(1), 1, n - 2)
    rows = np.arange(seeds)
    a, b, c = grid[rows, at - 1], grid[rows, at], grid[rows, at + 1]
    bend = np.maximum(a - 2 * b + c, 1e-9)
    return np.asarray(octaves[at] + np.clip((a - c) / (2 * bend), -1, 1))


def identities(rng: np.random.Generator) -> tuple[float, float, float]:
    """Largest errors of Adam as a sign, Shampoo as a polar factor, and both as dual maps."""
    off = np.zeros(3)
    for _ in range(20):
        g = rng.normal(size=(12, 12))
        u, s, v = np.linalg.svd(g)
        signs, turned = adam(g), shampoo(g)
        off[0] = max(off[0], np.abs(signs - np.sign(g)).max())
        off[1] = max(off[1], np.abs(turned - u @ v).max() / np.linalg.cond(g))
        dual = (abs((g * signs).sum() / np.abs(g).sum() - 1), abs((g * turned).sum() / s.sum() - 1))
        off[2] = max(off[2], *dual)
    return float(off[0]), float(off[1]), float(off[2])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Check the identities, and how the best learning rate moves with width."""
    seeds, widths = (32, (16, 64, 512)) if rerun else (8, WIDTHS)
    rng = np.random.default_rng([seed, 2409])
    sign_off, polar_off, dual_off = identities(rng)
    moved: dict[str, Array] = {}
    for method in RATES:
        progress(f"{method}: widths {widths[0]} and {widths[-1]}")
        # In the false world the norm of the step is forgotten: all are plain gradients.
        used = "gradient" if falsified else method
        small, *_, large = (best_rates(rng, used, width, seeds) for width in widths)
        moved[method] = small - large
    wider = widths[-1] / widths[0]

    def times(method: str, least: float | None = None, most: float | None = None) -> Number:
        log = over_worlds(moved[method], mean, seed=seed)
        return Number(
            2.0**log.value,
            2.0**log.lo,
            2.0**log.hi,
            what=f"best learning rate over that of a network {wider:g} times as wide, {method}",
            least=least,
            most=most,
        )

    def exact(value: float, what: str) -> Number:
        return Number(value, value, value, most=SMALL, what=what)

    return judge(
        {
            "adam_off": exact(sign_off, "largest error of Adam's step as a sign"),
            "shampoo_off": exact(polar_off, "the same of Shampoo's as a polar factor, over cond"),
            "dual_off": exact(dual_off, "relative error of <gradient, step> as the dual norm"),
            "spectral": times("spectral", least=1 / ALIKE, most=ALIKE),
            "sign": times("sign", least=SHIFT),
            "gradient": times("gradient"),
        },
        f"simulation: tanh networks of widths {', '.join(map(str, widths))}, {seeds} seeds",
    )


STUDY = Study(
    name="steepest_descent_norms",
    papers=("Old Optimizer, New Norm: An Anthology",),
    claim="Without averaging Adam is sign descent and Shampoo spectral descent, each steepest "
    "under a norm; steps of the layer's own norm keep the best learning rate across widths.",
    criteria=f"The identities hold within {SMALL:g}; from width {WIDTHS[0]} to {WIDTHS[1]} the "
    f"best learning rate moves by less than {ALIKE:g} times for spectral steps scaled by "
    f"sqrt(outputs/inputs), and falls by {SHIFT:g} times or more for sign steps.",
    check=check,
    full="32 seeds instead of 8, up to width 512",
    falsified="all three optimizers take plain gradient steps",
    note="Full-batch training on a few random labels; Prodigy is not tested. The scale of the "
    "starting weights, a spectral norm near sqrt(outputs/inputs), was set after looking at trial "
    "runs.",
)
