"""One-pass SGD on power-law random features, and its compute-optimal frontier.

Inputs j have standard deviation j^-alpha, the target weighs them by j^-beta; the student has
`m` random features and sees one new sample per step, so that it spends C = m steps. For
2 alpha > 1 and 2 beta < 1 (phase Ia) the best loss at compute C falls as C^-eta and the best
width grows as C^(1/(2 alpha + 1)).

Source: Paquette, Paquette, Xiao & Pennington 2024, "4+3 Phases of Compute-Optimal Neural Scaling
Laws".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.lab.worlds._equivalents import freedom, invert, kappas, nodes, powers
from forescale.runs import RunTable

Array = NDArray[np.float64]

BUDGETS = np.geomspace(3e3, 6e4, 9)
WIDTHS = np.unique(np.geomspace(8, 200, 9).round())
#: Steps per feature of the students worth training: nobody's optimum lies outside.
SHAPES = (1.0, 32.0)
#: Features of all students of one width together: wide ones vary less and need fewer.
FEATURES = 100


def losses(
    spectrum: Array,
    power: Array,
    widths: Array,
    lr: float,
    steps: Array,
    repeats: NDArray[np.intp],
    rng: np.random.Generator,
) -> Array:
    """Population loss of each student after its steps, mean over repeats, shape (widths,).

    Features and target of a normal input are jointly normal. In the eigenbasis of the features'
    covariance a sample is m independent normals, and what no student of these features can
    know of the target is one more: the same law as sampling the input, at the cost of m.

    Args:
        spectrum: Variance of each input, shape (inputs,).
        power: Power of the target in each input, shape (inputs,).
        widths: Features of each student, shape (widths,).
        lr: Learning rate, for the gradient of half the squared error.
        steps: Steps of batch 1 that each takes, shape (widths,).
        repeats: Students of each width, shape (widths,).
        rng: Draws features and samples.
    """
    students = np.repeat(widths, repeats).astype(int)
    wanted = np.sqrt(power)
    scale = np.zeros((len(students), students.max()))
    off = np.zeros_like(scale)
    rest = np.zeros(len(students))
    for i, m in enumerate(students):
        features = rng.normal(size=(m, len(spectrum))) * np.sqrt(spectrum / m)
        values, basis = np.linalg.eigh(features @ features.T)
        scale[i, :m] = np.sqrt(values)
        reach = basis.T @ (features @ wanted) / scale[i, :m]
        off[i, :m] = reach / scale[i, :m]
        rest[i] = power.sum() - (reach**2).sum()
    root, last = np.sqrt(rest), np.repeat(steps, repeats).astype(int)
    for t in range(int(steps.max())):
        x = scale * rng.standard_normal(scale.shape)
        error = (x * off).sum(1) + root * rng.standard_normal(len(root))
        off -= (lr * error * (t < last))[:, None] * x
    loss = ((scale * off) ** 2).sum(1) + rest
    first = np.cumsum(repeats) - repeats
    return np.asarray(np.add.reduceat(loss, first) / repeats)


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Losses of the widths at each budget; `front` is 1 at the best width of a budget."""
    rng = np.random.default_rng([seed, 2405])
    spectrum, power = task(**settings)
    rows: list[tuple[float, ...]] = []
    for budget in BUDGETS:
        steps = (budget / WIDTHS).round()
        able = (steps >= SHAPES[0] * WIDTHS) & (steps <= SHAPES[1] * WIDTHS)
        repeats = np.ceil(FEATURES / WIDTHS[able]).astype(np.intp)
        # The best of noisy losses is too low, and lower the more widths compete: one half of the
        # students tells which width is best, the other half its loss.
        rivals, found = (
            losses(spectrum, power, WIDTHS[able], settings["lr"], steps[able], repeats, rng)
            for _ in range(2)
        )
        best = (rivals == rivals.min()).astype(float)
        rows += zip(WIDTHS[able], steps[able], np.full(len(best), budget), found, best, strict=True)
    m, taken, compute, values, front = np.array(rows).T
    columns = {"m": m, "steps": taken, "C": compute, "L": values, "front": front}
    return RunTable(columns, source="world 'random_features'")


def task(**settings: float) -> tuple[Array, Array]:
    """Variance of each input and power of the target in it, each of shape (inputs,)."""
    inputs = int(settings["inputs"])
    variance = powers(inputs, 2 * settings["alpha"])
    return variance, variance * powers(inputs, 2 * settings["beta"])


def curve(spectrum: Array, power: Array, m: float, lr: float, steps: Array) -> Array:
    """Mean loss after the steps by the paper's Volterra equation, shape (steps,).

    Loss(t) = F(t) + integral of K(t - s) Loss(s): the forcing F is what gradient flow leaves, the
    kernel K the noise that a sample's error puts in. Both are mean resolvents at z = p/(2 lr), and
    the Laplace transform turns the equation into Loss = F/(1 - K).
    """
    # Steps are discrete: an eigenvalue s adds lr s/(2 - 2 lr s) over all time, not lr s/2.
    edge = _beyond(spectrum, m, -1 / lr)
    fast = freedom(np.array([edge]), spectrum)[0].real[0] / lr + spectrum.sum()
    out = np.empty(len(steps))
    for i, kappa in enumerate(kappas(2 * lr * steps, spectrum, m)):
        z = nodes(2 * lr * float(steps[i]))
        forcing = (power * (kappa / z)[:, None] / (spectrum + kappa[:, None])).sum(1) / (2 * lr)
        slow = spectrum.sum() - z * freedom(kappa, spectrum)[0]
        out[i] = invert(forcing / (1 - lr / 2 * (slow - fast) / (1 + lr * z)), float(steps[i]))
    return out


def _beyond(spectrum: Array, m: float, z: float) -> float:
    """The real kappa of a real z below every eigenvalue's negative."""
    kappa = z
    for _ in range(60):
        kappa = z / (1 - float((spectrum / (spectrum + kappa)).sum()) / m)
    return kappa


def theory(runs: RunTable, **settings: float) -> Array:
    """Mean loss at each row's width and steps."""
    spectrum, power = task(**settings)
    out = np.empty(len(runs))
    for m in np.unique(runs["m"]):
        at = runs["m"] == m
        out[at] = curve(spectrum, power, m, settings["lr"], runs["steps"][at])
    return out


def exponents(**settings: float) -> Mapping[str, float]:
    """The frontier's exponent in phase Ia (2 alpha > 1, 2 beta < 1)."""
    a, b = settings["alpha"], settings["beta"]
    return {"eta": (1 - 1 / (2 * a + 1)) * (1 + b / a - 1 / (2 * a))}


WORLD = World(
    name="random_features",
    what="One-pass SGD on random features of power-law inputs: loss of a family of widths at "
    "each compute, and the best of them.",
    source="Paquette, Paquette, Xiao & Pennington 2024, 4+3 Phases of Compute-Optimal Neural "
    "Scaling Laws",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="A*C^-eta",
    exponents=exponents,
    where="front=1",
    settings={"alpha": 0.8, "beta": 0.2, "lr": 0.2, "inputs": 600},
    tolerance=0.16,
)
