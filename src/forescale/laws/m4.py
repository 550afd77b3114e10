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
    """The error, shape (..., n), for examples (n,) and parameters (..., 5).

    With L = E + (L0 - E) sigmoid(u) the equation is a softplus(u) - softplus(-u) = log r. Its
    left side rises in u with a slope between min(a, 1) and max(a, 1) and bends one way, so
    Newton's method ends at the root from anywhere.
    """
    n = inputs["n"]
    e, l0, a, b, c = (theta[..., i, None] if n.ndim else theta[..., i] for i in range(5))
    with np.errstate(all="ignore"):
        r = np.log(b) - c * np.log(n) + (a - 1.0) * np.log(l0 - e)
        # Each softplus is straight on one side, which gives a start next to the root.
        u = np.where(r > 0.0, r / np.maximum(a, 1e-3), r)
        for _ in range(30):
            s = 0.5 * (1.0 + np.tanh(0.5 * u))
            value = a * np.logaddexp(0.0, u) - np.logaddexp(0.0, -u) - r
            # At a = 0 there is no root beyond r = 0; the bound leaves L at L0 there.
            u = np.clip(u - value / np.maximum(1.0 - s + a * s, 1e-12), -700.0, 700.0)
        return np.asarray(e + (l0 - e) * 0.5 * (1.0 + np.tanh(0.5 * u)), float)


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
    when="Runs from near guessing to near the floor. A program solves for L, so the fit takes "
    "numerical derivatives.",
    source="Alabdulmohsin et al. 2022, Revisiting Neural Scaling Laws in Language and Vision",
    typical={"E": 0.1, "L0": 0.9, "a": 0.6, "b": 16.0, "c": 0.4},
    domain={"n": (10.0, 1e7)},
    units={"n": "examples"},
    program=solve,
)
