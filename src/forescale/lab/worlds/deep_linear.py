"""Deep linear networks: modes learned one after another, and the power law their sum makes.

Source: Saxe, McClelland & Ganguli 2013, "Exact solutions to the nonlinear dynamics of learning
in deep linear neural networks". From small decoupled weights, the strength a of a mode with
singular value s follows da/dt = layers * a^(2 - 2/layers) * (s - a). With singular values
k^-decay and starts at the same small part of each, mode k is learned at a time
~ k^(decay (2 - 2/layers)), so the loss falls as a power of time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: Modes the inputs show; those beyond are noise on the labels.
MODES = 64
#: Modes learned at the first and at the last time at which the loss is measured.
LEARNED = (3.0, 12.0)
TIMES = 12
EXAMPLES = 500
#: Singular values are followed in steps of this part of the fastest mode's time.
STEP = 0.1


def singular_values(decay: float) -> Array:
    """Singular values k^-decay of the target map, shape (MODES,)."""
    return np.arange(1.0, MODES + 1) ** -decay


def beyond(decay: float) -> float:
    """Power of the modes that the inputs do not show: the sum of k^(-2 decay) from MODES + 1."""
    from scipy.special import zeta

    return float(zeta(2 * decay, MODES + 1))


def orthogonal(rng: np.random.Generator, n: int) -> Array:
    """A random orthogonal matrix, shape (n, n)."""
    q, r = np.linalg.qr(rng.normal(size=(n, n)))
    return np.asarray(q * np.sign(np.diag(r)))


def product(weights: list[Array]) -> Array:
    """The linear map of the layers, the first applied first."""
    out = weights[0]
    for w in weights[1:]:
        out = w @ out
    return out


def descend(weights: list[Array], target: Array, lr: float) -> list[Array]:
    """One step of gradient descent on half the squared error over whitened inputs."""
    before = [np.eye(len(target))]
    for w in weights:
        before.append(w @ before[-1])
    error = target - before[-1]
    new, after = list(weights), error
    for i in reversed(range(len(weights))):
        new[i] = weights[i] + lr * after @ before[i].T
        after = weights[i].T @ after
    return new


def half_time(layers: int, start: float) -> float:
    """Time at which a mode of singular value one is half learned."""
    return float(grow_time(np.array([0.5]), layers, start)[0])


def grow_time(part: Array, layers: int, start: float) -> Array:
    """Time at which a mode of singular value one has grown from `start` to `part`.

    The integral of da / (layers a^(2 - 2/layers) (1 - a)): a logarithm for two layers (the
    paper's closed form), a quadrature in log(a / (1 - a)) for others.
    """
    if layers == 2:
        return np.asarray(0.5 * np.log(part * (1 - start) / (start * (1 - part))))
    x, w = np.polynomial.legendre.leggauss(60)
    low, high = np.log(start / (1 - start)), np.log(part / (1 - part))
    logit = low + (high - low)[..., None] * (x + 1) / 2
    speed = layers * (1 / (1 + np.exp(-logit))) ** (1 - 2 / layers)
    return np.asarray((1 / speed) @ w * (high - low) / 2)


def trajectory(times: Array, s: Array, layers: int, start: float) -> Array:
    """Strengths of the modes in time, shape (times, modes), by inverting the time to grow.

    Args:
        times: Learning rate times steps, shape (times,).
        s: Singular values, shape (modes,).
        layers: Weight matrices in a row, two or more.
        start: Strength at time zero as a part of s.
    """
    low = np.log(start / (1 - start))
    part = 1 / (1 + np.exp(-np.linspace(low, 25.0, 4000)[1:]))
    grown = np.concatenate([[0.0], grow_time(part, layers, start)])
    own = times[:, None] * s ** (2 - 2 / layers)
    return np.asarray(s * np.interp(own, grown, np.concatenate([[start], part])))


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Losses on fresh examples while a network of random decoupled weights descends."""
    rng = np.random.default_rng([seed, 1312])
    layers, decay, start = int(settings["layers"]), settings["decay"], settings["start"]
    s = singular_values(decay)
    bases = [orthogonal(rng, MODES) for _ in range(layers + 1)]
    target = bases[-1] * s @ bases[0].T
    size = (start * s) ** (1 / layers)
    weights = [bases[i + 1] * size @ bases[i].T for i in range(layers)]
    lr = STEP / layers
    unit = half_time(layers, start)
    ends = unit * np.geomspace(*LEARNED, TIMES) ** (decay * (2 - 2 / layers))
    steps = np.round(ends / lr).astype(int)
    losses, done = [], 0
    for step in steps:
        for _ in range(step - done):
            weights = descend(weights, target, lr)
        done = int(step)
        x = rng.normal(size=(MODES, EXAMPLES))
        y = target @ x
        y += np.sqrt(beyond(decay) / MODES) * rng.normal(size=y.shape)
        losses.append(0.5 * float(((y - product(weights) @ x) ** 2).sum(0).mean()))
    return RunTable({"time": steps * lr, "L": np.array(losses)})


def theory(runs: RunTable, **settings: float) -> Array:
    """Half the power of what each mode still lacks, and of the modes beyond."""
    s = singular_values(settings["decay"])
    times = np.asarray(runs["time"], float)
    a = trajectory(times, s, int(settings["layers"]), settings["start"])
    return np.asarray(0.5 * (((s - a) ** 2).sum(1) + beyond(settings["decay"])))


def exponents(**settings: float) -> Mapping[str, float]:
    """The exponent of time: the tail's, 2 decay - 1, over that of the learning time."""
    layers, decay = settings["layers"], settings["decay"]
    return {"alpha": (2 * decay - 1) / (decay * (2 - 2 / layers))}


WORLD = World(
    name="deep_linear",
    what="Gradient descent on a deep linear network whose target has a power-law spectrum; the "
    "loss on fresh examples against time.",
    source="Saxe et al. 2013, Exact solutions to the nonlinear dynamics of learning in deep "
    "linear neural networks",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="L = A/time^alpha",
    exponents=exponents,
    settings={"layers": 2.0, "decay": 1.0, "start": 0.003},
    tolerance=0.03,
)
