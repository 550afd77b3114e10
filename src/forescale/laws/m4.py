"""M4: a curve that leaves guessing late, falls as a power law and ends at a floor.

(L - E)/(L0 - L)^a = b/n^c, where L stands on both sides; it is solved for L by Newton's method.

Source: Alabdulmohsin, Neyshabur & Zhai 2022, "Revisiting Neural Scaling Laws in Language and
Vision".
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.laws import Law, Param

Array = NDArray[np.float64]


def solve(inputs: Mapping[str, Array], theta: Array) -> Array:
    """The error, shape (..., n), for examples (n,) and parameters (..., 5)."""
    e, l0, a, b, c = _spread(inputs["n"], theta)
    with np.errstate(all="ignore"):
        u = _root(a, np.log(b) - c * np.log(inputs["n"]) + (a - 1.0) * np.log(l0 - e))
        return np.asarray(e + (l0 - e) * _sigmoid(u), float)


def slopes(inputs: Mapping[str, Array], theta: Array) -> tuple[Array, ...]:
    """The error and its derivatives by E, L0, a, b and c, each of shape (..., n).

    Differentiating the solved equation gives du/dr = 1/(1 - s + a s) with s = sigmoid(u), and
    du/da = -softplus(u) times that.
    """
    e, l0, a, b, c = _spread(inputs["n"], theta)
    with np.errstate(all="ignore"):
        log_n, gap = np.log(inputs["n"]), l0 - e
        u = _root(a, np.log(b) - c * log_n + (a - 1.0) * np.log(gap))
        s = _sigmoid(u)
        # What a unit of r does to the error.
        rise = gap * s * (1.0 - s) / np.maximum(1.0 - s + a * s, 1e-12)
        by_gap = rise * (a - 1.0) / gap
        by_a = rise * (np.log(gap) - np.logaddexp(0.0, u))
        return e + gap * s, 1.0 - s - by_gap, s + by_gap, by_a, rise / b, -rise * log_n


def _root(a: Array, r: Array) -> Array:
    """The u at which a softplus(u) - softplus(-u) = r.

    With L = E + (L0 - E) sigmoid(u) this is the law, r being the log of b/n^c in units of
    (L0 - E)^(1 - a). The left side rises in u with a slope between min(a, 1) and max(a, 1) and
    bends one way, so Newton's method ends at the root from anywhere.
    """
    # Each softplus is straight on one side, which gives a start next to the root.
    u = np.where(r > 0.0, r / np.maximum(a, 1e-3), r)
    for _ in range(30):
        s = _sigmoid(u)
        # softplus(u) and softplus(-u) = softplus(u) - u from one logarithm.
        up = np.maximum(u, 0.0) + np.log1p(np.exp(-np.abs(u)))
        step = ((a - 1.0) * up + u - r) / np.maximum(1.0 - s + a * s, 1e-12)
        # At a = 0 there is no root beyond r = 0; the bound leaves L at L0 there.
        u = np.clip(u - step, -700.0, 700.0)
        # Newton's steps square: after one of 1e-8 the next is rounding.
        if not (np.abs(step) > 1e-8 * (1.0 + np.abs(u))).any():
            break
    return u


def _sigmoid(u: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * u)), float)


def _spread(n: Array, theta: Array) -> tuple[Array, ...]:
    """The parameters, each of a shape that broadcasts with the examples."""
    return tuple(theta[..., i, None] if np.ndim(n) else theta[..., i] for i in range(5))


LAW = Law(
    name="m4",
    formula="(L - E)/(L0 - L)^a = b/n^c",
    inputs=("n",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "error at unlimited examples"),
        Param("L0", "nats/token", 0.0, 100.0, "error of guessing"),
        Param("a", "1", 0.0, 5.0, "how late the power law starts: 0 at once"),
        Param("b", "(nats/token)^(1 - a) * examples^c", 0.0, 1e20, "cost of finite examples"),
        Param("c", "1", 0.0, 3.0, "exponent of examples"),
    ),
    summary="From guessing to a floor, with a power law between; at a = 0 a plain power law.",
    when="Runs from near guessing to near the floor. A program solves for L.",
    source="Alabdulmohsin et al. 2022, Revisiting Neural Scaling Laws in Language and Vision",
    typical={"E": 0.1, "L0": 0.9, "a": 0.6, "b": 16.0, "c": 0.4},
    domain={"n": (10.0, 1e7)},
    units={"n": "examples"},
    program=solve,
    slopes=slopes,
)
