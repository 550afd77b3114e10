"""A linear student learns a linear teacher by gradient flow: errors in time and in data.

N inputs of unit variance, P examples, a teacher of unit power, label noise of variance `noise`.
The sample covariance has the Marchenko-Pastur spectrum: a mode of eigenvalue l is learned at
rate l, and with it the noise, blown up by 1/l. Overtraining is worst at P = N, where the
spectrum reaches down to zero; there the noiseless error falls as t^-1/2.

Source: Advani & Saxe 2017, "High-dimensional dynamics of generalization error in neural networks".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.runs import RunTable

Array = NDArray[np.float64]

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)
TIMES = np.geomspace(1.0, 100.0, 5)
#: Teachers on the same examples: only a few slow modes carry a late error, and its spread is
#: that of the teacher's power in them.
TEACHERS = 16
#: Times of the power law: late enough for its range, early enough for N inputs to look many.
LATE = np.geomspace(4.0, 100.0, 14)


def design(noise: float) -> tuple[Array, Array, Array]:
    """P/N, time and label noise of each row, each of shape (rows,)."""
    rows = [
        *((1.0, t, 0.0) for t in LATE),
        *((ratio, t, noise) for ratio in RATIOS for t in TIMES),
    ]
    ratio, t, variance = np.array(rows).T
    return ratio, t, variance


def errors(
    inputs: int,
    examples: int,
    noise: float,
    times: Array,
    rng: np.random.Generator,
    variance: Array | float = 1.0,
) -> tuple[Array, Array]:
    """Train and test error at each time, mean over teachers on one set of examples.

    Args:
        inputs: N.
        examples: P.
        noise: Variance of the label noise.
        times: Times, shape (times,).
        rng: Draws examples, teachers and noise.
        variance: Variance of each input, shape (inputs,); the theory is for 1.

    Returns:
        Two arrays of shape (times,).
    """
    x = rng.normal(size=(examples, inputs)) * np.sqrt(variance)
    teachers = rng.normal(size=(inputs, TEACHERS)) / np.sqrt(inputs)
    y = x @ teachers + np.sqrt(noise) * rng.normal(size=(examples, TEACHERS))
    left, s, right = np.linalg.svd(x, full_matrices=False)
    # Axes: t time, s singular value, k teacher, n input, p example.
    grown = -np.expm1(-np.outer(times, s**2 / examples)) / s
    students_tnk = right.T @ (grown[:, :, None] * (left.T @ y))
    train = ((y - x @ students_tnk) ** 2).mean((1, 2))
    off_nt = ((students_tnk - teachers) ** 2).mean(2).T
    return train, (np.broadcast_to(variance, inputs) @ off_nt) + noise


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Errors of a student of its own draw in each row."""
    rng = np.random.default_rng([seed, 1710])
    ratio, times, noise = design(settings["noise"])
    inputs = int(settings["inputs"])
    found = [
        errors(inputs, round(r * inputs), v, np.array([t]), rng)
        for r, t, v in zip(ratio, times, noise, strict=True)
    ]
    train, test = np.array(found)[:, :, 0].T
    columns = {"ratio": ratio, "t": times, "noise": noise, "train": train, "L": test}
    return RunTable(columns, source="world 'linear_teacher'")


def spectrum(ratio: float, nodes: int = 400) -> tuple[Array, Array]:
    """Eigenvalues and weights of the Marchenko-Pastur law without its atom at zero.

    Args:
        ratio: Examples per input, P/N.
        nodes: Nodes of the quadrature.

    Returns:
        Eigenvalues l and weights w, each of shape (nodes,): sum(w f(l)) is the integral of f
        over the density; w adds up to min(1, ratio), the rest sits at zero.
    """
    # l = 1 + 1/ratio + 2 cos(angle)/sqrt(ratio) takes the square roots out of both edges.
    angle = (np.arange(nodes) + 0.5) * np.pi / nodes
    root = 1 / np.sqrt(ratio)
    values = np.abs(1 + root * np.exp(1j * angle)) ** 2
    weights = 2 * np.sin(angle) ** 2 / values / nodes
    return values, weights


def means(ratio: float, t: float, noise: float) -> tuple[float, float]:
    """Train and test error of many inputs: the two integrals over the spectrum."""
    value, weight = spectrum(ratio, nodes=400 + int(40 * np.sqrt(t)))
    kept = np.exp(-value * t)
    atom = max(0.0, 1 - ratio)
    test = weight @ kept**2 + atom + noise / ratio * (weight @ ((1 - kept) ** 2 / value)) + noise
    train = weight @ (value * kept**2) + noise * (1 - weight @ (1 - kept**2) / ratio)
    return float(train), float(test)


def theory(runs: RunTable, **settings: float) -> Array:
    """Test error at each row's P/N, time and noise."""
    rows = zip(runs["ratio"], runs["t"], np.sign(runs["noise"]) * settings["noise"], strict=True)
    return np.array([means(r, t, v)[1] for r, t, v in rows])


def exponents(**_settings: float) -> Mapping[str, float]:
    """1/2: the density of small eigenvalues at P = N is l^-1/2/pi."""
    return {"alpha": 0.5}


WORLD = World(
    name="linear_teacher",
    what="Gradient flow of a linear student on noisy examples of a linear teacher: train and "
    "test error in time and examples per input.",
    source="Advani & Saxe 2017, High-dimensional dynamics of generalization error in neural "
    "networks",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="A*t^-alpha",
    exponents=exponents,
    where="noise=0",
    settings={"inputs": 100, "noise": 0.5},
    tolerance=0.05,
)
