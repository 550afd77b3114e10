"""A sparse autoencoder with more features than neurons: loss against width, in two regimes.

Source: Liu, Liu & Gore 2025, "Superposition Yields Robust Neural Scaling", after Elhage et al.
2022, "Toy Models of Superposition". The reconstruction is ReLU(W^T W x + b). In strong
superposition every feature has a direction of norm one; the directions are isotropic, squared
overlaps are 1/m, and so is the loss, whatever the features' frequencies (as long as none is
so frequent that a bias can learn its overlap by heart: then the loss is lower). In weak
superposition the m most frequent features have directions of their own, and the loss is the
power of the rest: an exponent of tail - 1 at frequencies i^-tail.

Here one feature is active at a time, the directions are set as the regime says, and the
biases are learned. Then each bias solves a problem of its own, which theory averages over the
overlaps. Overlaps are bounded by one, which lowers the loss at small m by a part ~ 1/m: the
factor exp(-c/m) of the law.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: Features, of which weak superposition needs many for its sum to be a power law.
STRONG, WEAK = 512, 1 << 18
WIDTHS = np.round(np.geomspace(24, 192, 10))
#: Each feature is active in so many inputs of learning and of test, weighted by its frequency.
SHOWN = 2
#: Inputs of the weak test, drawn.
DRAWN = 100_000
STEPS = 12
#: An active feature has a value between these.
LOW, HIGH = 0.5, 1.5


def frequencies(*, weak: float, tail: float) -> Array:
    """Chance of each feature to be the active one, shape (features,)."""
    p = np.arange(1.0, (WEAK if weak else STRONG) + 1) ** -tail
    return np.asarray(p / p.sum())


def learn(pre: Array, x: Array, p: Array) -> Array:
    """Biases of least squared error, shape (features,), by Newton's method on each.

    Args:
        pre: What the neurons say before the biases, shape (inputs, features).
        x: What was to be said, the same shape.
        p: Weight of each input, shape (inputs,), in sum one.
    """
    b = np.full(pre.shape[1], -0.1)
    for _ in range(STEPS):
        on = pre + b > 0
        slope = p @ ((pre + b - x) * on)
        b = b - np.clip(slope / np.maximum(p @ on, 1e-4), -0.2, 0.2)
    return b


def strong_loss(rng: np.random.Generator, m: int, p: Array) -> float:
    """Loss on fresh inputs after learning the biases of random directions in m neurons."""
    w = rng.normal(size=(m, len(p)))
    w /= np.linalg.norm(w, axis=0)
    gram, shown = w.T @ w, np.tile(p, SHOWN) / SHOWN
    parts = []
    for _ in range(2):
        value = rng.uniform(LOW, HIGH, (SHOWN, len(p)))
        x = (value[:, :, None] * np.eye(len(p))).reshape(-1, len(p))
        parts.append(((value[:, :, None] * gram).reshape(-1, len(p)), x))
    b = learn(*parts[0], shown)
    pre, x = parts[1]
    return float(shown @ ((np.maximum(pre + b, 0.0) - x) ** 2).sum(1))


def weak_loss(rng: np.random.Generator, m: int, p: Array) -> float:
    """Loss on fresh inputs where the m most frequent features have neurons of their own."""
    count = DRAWN
    active = rng.choice(len(p), size=count, p=p)
    value = rng.uniform(LOW, HIGH, count)
    # A feature without a direction is always answered by its bias, learned as its mean.
    mean = np.bincount(active, value, len(p)) / count
    lost = active >= m
    value = np.where(lost, rng.uniform(LOW, HIGH, count), 0.0)
    bias = float((mean[m:] ** 2).sum())
    return float(((value - mean[active] * lost) ** 2 + (bias - mean[active] ** 2) * lost).mean())


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Losses of autoencoders of growing width."""
    rng = np.random.default_rng([seed, 2505])
    p = frequencies(**settings)
    one = weak_loss if settings["weak"] else strong_loss
    return RunTable({"m": WIDTHS, "L": np.array([one(rng, int(m), p) for m in WIDTHS])})


def interference(m: int) -> tuple[Array, Array]:
    """Nodes and weights of v * overlap of an inactive feature, shape (nodes,) each.

    The overlap of isotropic directions has density ~ (1 - c^2)^((m - 3)/2).
    """
    from scipy.special import roots_gegenbauer

    c, cw = roots_gegenbauer(120, m / 2 - 1)
    v, vw = np.polynomial.legendre.leggauss(12)
    v = LOW + (HIGH - LOW) * (v + 1) / 2
    return np.outer(c, v).ravel(), np.outer(cw / cw.sum(), vw / 2).ravel()


def strong_theory(m: int, p: Array) -> float:
    """The loss at the best biases, for isotropic directions of norm one."""
    noise, weight = interference(m)
    v, vw = np.polynomial.legendre.leggauss(12)
    v, vw = LOW + (HIGH - LOW) * (v + 1) / 2, vw / 2
    # On a grid of biases, fine against 1/sqrt(m), the scale on which the loss changes.
    b = np.linspace(-6.0, 0.5, 1301) / np.sqrt(m)
    idle = np.maximum(noise + b[:, None], 0.0) ** 2 @ weight
    busy = (np.maximum(v + b[:, None], 0.0) - v) ** 2 @ vw
    return float((p[:, None] * busy + (1 - p[:, None]) * idle).min(1).sum())


def theory(runs: RunTable, **settings: float) -> Array:
    """The expected loss at each width."""
    widths = np.asarray(runs["m"], int)
    p = frequencies(**settings)
    if not settings["weak"]:
        return np.array([strong_theory(int(m), p) for m in widths])
    second = (HIGH**3 - LOW**3) / (3 * (HIGH - LOW))
    lost = p * second - (p * (LOW + HIGH) / 2) ** 2
    return np.array([lost[m:].sum() for m in widths])


def exponents(**settings: float) -> Mapping[str, float]:
    """The exponent of width: one in strong superposition, else that of the features' tail."""
    return {"alpha": settings["tail"] - 1.0 if settings["weak"] else 1.0}


WORLD = World(
    name="superposition",
    what="A sparse autoencoder with more features than neurons, in strong or weak superposition; "
    "its loss against width.",
    source="Liu et al. 2025, Superposition Yields Robust Neural Scaling",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="L = A/m^alpha*exp(-c/m)",
    exponents=exponents,
    settings={"weak": 0.0, "tail": 0.5},
    tolerance=0.05,
)
