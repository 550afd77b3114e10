"""A perceptron learns from a teacher's examples, of which only the hardest were kept.

Source: Sorscher et al. 2022, "Beyond neural scaling laws: beating power law scaling via data
pruning". The student is the separating plane of largest margin. Theory is the limit of many
inputs at a fixed number of examples per weight: with overlap R between student and teacher,
the margin is the largest kappa for which

    (examples per weight) * E[(kappa - R v - sqrt(1 - R^2) z)_+^2] <= 1 - R^2,

v the teacher's margin of a kept example and z a standard normal; the error is arccos(R)/pi.
Without pruning it falls as 1/examples in the end; the
factor exp(-c/ratio) of the law is the approach to it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.runs import RunTable

Array = NDArray[np.float64]

WEIGHTS = 60
#: Kept examples per weight.
RATIOS = np.geomspace(2.5, 25.0, 9)
#: Students per ratio, averaged: the error of one wanders by a tenth.
STUDENTS = 12


def shortest(z: Array) -> Array:
    """The shortest w with z w >= 1 in every row of z, shape (weights,).

    The residual of a nonnegative least squares problem (Lawson & Hanson's least distance
    programming).
    """
    from scipy.optimize import nnls

    n = z.shape[1]
    a = np.vstack([z.T, np.ones(len(z))])
    b = np.zeros(n + 1)
    b[n] = 1.0
    dual, _ = nnls(a, b, maxiter=50 * n)
    residual = a @ dual - b
    return np.asarray(residual[:n] / -residual[n])


def widest(x: Array, y: Array) -> Array:
    """The direction that separates the labels with the largest margin, shape (weights,).

    Args:
        x: Examples, shape (examples, weights).
        y: Labels, -1 or 1, shape (examples,); some plane must separate them.
    """
    z = x * y[:, None]
    some = 2 * x.shape[1]
    chosen = np.arange(min(some, len(z)))
    while True:
        # Few examples touch the margin: solve for some, and add the worst that are violated.
        w = shortest(z[chosen])
        height = z @ w
        height[chosen] = np.inf
        low = np.argsort(height)[:some]
        low = low[height[low] < 1 - 1e-9]
        if not low.size:
            return np.asarray(w / np.linalg.norm(w))
        chosen = np.concatenate([chosen, low])


def examples(
    rng: np.random.Generator,
    count: int,
    *,
    keep: float = 1.0,
    easy: float = 0.0,
    probe: float = 0.0,
    weights: int = WEIGHTS,
) -> tuple[Array, Array]:
    """Pruned examples and labels of a teacher along the first axis.

    Args:
        rng: Source of chance.
        count: Examples kept.
        keep: Kept part of all that were drawn.
        easy: Not zero to keep the widest margins instead of the narrowest.
        weights: Inputs of the perceptron.
        probe: Angle in degrees between the teacher and the plane whose margins prune.
    """
    x = rng.normal(size=(round(count / keep), weights))
    turn = np.deg2rad(probe)
    margin = np.abs(np.cos(turn) * x[:, 0] + np.sin(turn) * x[:, 1])
    order = np.argsort(-margin if easy else margin)[:count]
    return x[order], np.where(x[order, 0] > 0, 1.0, -1.0)


def missed(w: Array) -> float:
    """The error over all unpruned inputs: the angle to the teacher's plane over pi."""
    return float(np.arctan2(np.linalg.norm(w[1:]), w[0]) / np.pi)


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Errors of students on pruned examples, averaged over students."""
    rng = np.random.default_rng([seed, 2206])
    keep, easy, probe = settings["keep"], settings["easy"], settings["probe"]
    err = np.zeros(len(RATIOS))
    counts = np.round(RATIOS * WEIGHTS).astype(int)
    for i, count in enumerate(counts):
        for _ in range(STUDENTS):
            x, y = examples(rng, count, keep=keep, easy=easy, probe=probe)
            err[i] += missed(widest(x, y)) / STUDENTS
    return RunTable({"ratio": counts / WEIGHTS, "err": err})


def kept_margins(keep: float, easy: bool, nodes: int = 200) -> tuple[Array, Array]:
    """Nodes and weights of the teacher's margins |v| among the kept, each shape (nodes,)."""
    from scipy.special import ndtri

    t, w = np.polynomial.legendre.leggauss(nodes)
    # In the quantile of |v|, so that cutting the distribution cuts an interval; the map
    # u = 1 - (1 - s)^2 takes the singular end of the widest margins away.
    low, high = (1 - keep, 1.0) if easy else (0.0, keep)
    a, b = 1 - np.sqrt(1 - low), 1 - np.sqrt(1 - high)
    s = a + (b - a) * (t + 1) / 2
    u = 1 - (1 - s) ** 2
    weight = w / 2 * (b - a) * 2 * (1 - s)
    return np.asarray(ndtri(0.5 + u / 2)), weight / weight.sum()


def shortfall(gap: Array) -> Array:
    """E[(gap - z)_+^2] for a standard normal z."""
    from scipy.special import ndtr

    density = np.exp(-(gap**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray((1 + gap**2) * ndtr(gap) + gap * density)


def margin_at(angle: float, ratio: float, v: Array, weight: Array) -> float:
    """The largest margin of a student at `angle` to the teacher."""
    from scipy.optimize import brentq

    c, s = np.cos(angle), np.sin(angle)

    def excess(kappa: float) -> float:
        return float(ratio * (weight @ shortfall((kappa - c * v) / s)) - 1.0)

    return float(brentq(excess, -60.0, 60.0, xtol=1e-12))


def error(ratio: float, *, keep: float = 1.0, easy: bool = False) -> float:
    """The student's error by theory, at a number of kept examples per weight."""
    from scipy.optimize import minimize_scalar

    v, weight = kept_margins(keep, easy)
    found = minimize_scalar(
        lambda log_angle: -margin_at(float(np.exp(log_angle)), ratio, v, weight),
        bounds=(np.log(1e-4), np.log(np.pi / 2)),
        method="bounded",
        options={"xatol": 1e-5},
    )
    return float(np.exp(found.x) / np.pi)


def theory(runs: RunTable, **settings: float) -> Array:
    """The replica theory's error at each row, for a probe that is the teacher."""
    keep, easy = settings["keep"], bool(settings["easy"])
    return np.array([error(float(r), keep=keep, easy=easy) for r in runs["ratio"]])


def exponents(**_settings: float) -> Mapping[str, float]:
    """The exponent of the number of examples at any fixed kept part: one."""
    return {"gamma": 1.0}


WORLD = World(
    name="pruning",
    what="A perceptron of largest margin learns from the hardest (or easiest) part of a "
    "teacher's examples; its error against kept examples per weight.",
    source="Sorscher et al. 2022, Beyond neural scaling laws: beating power law scaling via data "
    "pruning",
    simulate=simulate,
    theory=theory,
    predicts="err",
    law="err = A/ratio^gamma*exp(-c/ratio)",
    exponents=exponents,
    where="ratio>=3",
    settings={"keep": 1.0, "easy": 0.0, "probe": 0.0},
    tolerance=0.08,
)
