"""Networks that are averages of lottery tickets: error falls as one over their number.

Source: Liu & Tegmark 2023, "A Neural Scaling Law from Lottery Ticket Ensembling". A ticket is
one SiLU neuron of random inner weights with an affine part, fitted to y = x^2 on [-1, 1]; a
network of n neurons averages n tickets. Tickets err independently about a mean that is not
quite zero, so the squared error is E + A/n: a variance averaged away, and a floor.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.runs import RunTable

Array = NDArray[np.float64]

WIDTHS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64])
#: Tickets per width, and the least number of networks, averaged.
TICKETS, NETWORKS = 3000, 150
#: Inputs that tickets are fitted on, and the error measured on.
POINTS = 100
#: Inner weights and biases are uniform within these.
REACH = 1.0


def silu(z: Array) -> Array:
    """The product of z and its logistic sigmoid."""
    return np.asarray(z / (1 + np.exp(-z)))


def tickets(inner: Array, x: Array, fresh: Array) -> Array:
    """What neurons of inner weights and biases `inner`, shape (2, tickets), say on fresh inputs.

    Each is fitted to x^2 on the inputs x with a gain, a slope and an offset of its own; shape
    (tickets, points).
    """
    neuron = silu(np.outer(inner[0], x) + inner[1][:, None])
    affine = np.column_stack([np.ones_like(x), x])
    solve = np.linalg.pinv(affine)
    rest = neuron - (neuron @ solve.T) @ affine.T
    goal = x**2 - affine @ (solve @ x**2)
    gain = (rest @ goal) / (rest**2).sum(1)
    line = solve @ x**2 - gain[:, None] * (neuron @ solve.T)
    said = gain[:, None] * silu(np.outer(inner[0], fresh) + inner[1][:, None])
    return np.asarray(said + line @ np.stack([np.ones_like(fresh), fresh]))


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Squared errors of networks of growing width on fresh inputs, averaged over networks."""
    rng = np.random.default_rng([seed, 2310])
    # One input at random in each cell of a grid.
    x, fresh = (2 * (np.arange(POINTS) + rng.random((2, POINTS))) / POINTS) - 1
    losses = []
    for width in WIDTHS:
        # With `shared` a network's tickets are copies of one: there is nothing to average.
        drawn = 1 if settings["shared"] else int(width)
        networks = max(NETWORKS, TICKETS // int(width))
        inner = rng.uniform(-REACH, REACH, (2, networks * drawn))
        out = tickets(inner, x, fresh).reshape(networks, drawn, POINTS).mean(1)
        losses.append(float(((out - fresh**2) ** 2).mean()))
    return RunTable({"width": WIDTHS.astype(float), "L": np.array(losses)})


def ticket_moments(nodes: int = 60) -> tuple[float, float]:
    """Squared error of the mean ticket, and the mean squared error of one, by quadrature."""
    t, w = np.polynomial.legendre.leggauss(nodes)
    legendre = np.polynomial.legendre.legvander(t, 1) * np.sqrt([1.0, 3.0])
    inner, weight = np.meshgrid(REACH * t, REACH * t), np.outer(w, w).ravel() / 4
    neuron = silu(np.outer(inner[0].ravel(), t) + inner[1].ravel()[:, None])
    # Parts orthogonal to the affine functions: the error of a ticket is what x^2 keeps of
    # itself beside its neuron.
    rest = neuron - (neuron * w / 2) @ legendre @ legendre.T
    goal = t**2 - 1 / 3
    gain = (rest * w / 2) @ goal / ((rest**2) @ w / 2)
    error = goal - gain[:, None] * rest
    mean = weight @ error
    return float(mean**2 @ w / 2), float(weight @ (error**2 @ w / 2))


def theory(runs: RunTable, **settings: float) -> Array:
    """Floor plus variance over the number of tickets."""
    floor, one = ticket_moments()
    n = np.ones(len(runs)) if settings["shared"] else np.asarray(runs["width"], float)
    return np.asarray(floor + (one - floor) / n)


def exponents(**settings: float) -> Mapping[str, float]:
    """The exponent of width: one, by the law of large numbers; none where all are one."""
    return {"alpha": 0.0 if settings["shared"] else 1.0}


WORLD = World(
    name="lottery",
    what="SiLU neurons that each fit x^2 as well as they can, averaged; squared error against "
    "their number.",
    source="Liu & Tegmark 2023, A Neural Scaling Law from Lottery Ticket Ensembling",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="L = E + A/width^alpha",
    exponents=exponents,
    settings={"shared": 0.0},
    tolerance=0.1,
)
