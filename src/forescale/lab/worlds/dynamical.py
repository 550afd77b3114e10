"""Gradient flow on random features: one loss in time, width and data.

Modes k have variance k^-b and the target has power k^-a in them. The student sees `m` random
projections of the modes and `D` samples, and follows the gradient of its training loss. Each of
time, width and data can be what limits the loss, with an exponent of its own.

Source: Bordelon, Atanasov & Pehlevan 2024, "A Dynamical Model of Neural Scaling Laws".
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds._contract import World
from forescale.lab.worlds._equivalents import invert_twice, kappas, nodes, powers
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: Late enough that training has ended at every width and number of samples below.
END = 1e7
SIZES = np.unique(np.geomspace(20, 128, 12).round())
WIDTHS = (16.0, 32.0, 64.0, 128.0)
TIMES = np.geomspace(10.0, 300.0, 6)
#: Draws at a width or sample of 20; larger ones vary less and need fewer.
DRAWS = 8
#: Targets on the same draw: equal powers, signs of their own.
TARGETS = 8


def design() -> tuple[list[str], Array, Array, Array]:
    """What limits each row, and its width, data and time, each of shape (rows,)."""
    rows = [
        *(("data", np.inf, n, END) for n in SIZES),
        *(("width", m, np.inf, END) for m in WIDTHS),
        *(("time", 192.0, np.inf, t) for t in TIMES),
        *(("all", m, n, t) for m in (16.0, 48.0) for n in (16.0, 48.0) for t in (5.0, 50.0)),
    ]
    limit, *numbers = zip(*rows, strict=True)
    m, n, t = (np.array(v, float) for v in numbers)
    return [str(v) for v in limit], m, n, t


def singular(x: Array) -> tuple[Array, Array, Array]:
    """Thin singular value decomposition by way of the smaller Gram matrix, nulls left out."""
    wide = x.shape[0] < x.shape[1]
    square, side = np.linalg.eigh(x @ x.T if wide else x.T @ x)
    keep = square > 1e-12 * square[-1]
    s, side = np.sqrt(square[keep]), side[:, keep]
    other = (x.T if wide else x) @ side / s
    return (side, s, other.T) if wide else (other, s, side.T)


def loss(
    spectrum: Array,
    power: Array,
    m: float,
    n: float,
    t: Array,
    rng: np.random.Generator,
) -> Array:
    """Population loss at each time, mean over targets, shape (times,).

    Args:
        spectrum: Variance of each mode, shape (modes,).
        power: Power of the target in each mode, shape (modes,).
        m: Width; infinite for a student that sees the modes themselves.
        n: Samples; infinite for the gradient of the population loss.
        t: Times, shape (times,).
        rng: Draws features and samples.
    """
    root, count = np.sqrt(spectrum), len(spectrum)
    # In units in which the modes have variance 1, so that the loss is a squared distance.
    wanted = np.sqrt(power)[:, None] * rng.choice([-1.0, 1.0], (count, TARGETS))
    if not np.isinf(m):
        seen = rng.normal(size=(int(m), count)) * root / np.sqrt(m)
    if np.isinf(n):
        left, s, _ = singular(seen.T)
        reached = ((left.T @ wanted) ** 2).mean(1)
        return np.asarray(power.sum() - reached.sum() + np.exp(-2 * np.outer(t, s**2)) @ reached)
    data = rng.normal(size=(int(n), count)) / np.sqrt(n)
    x = data * root if np.isinf(m) else data @ seen.T
    left, s, right = singular(x)
    moved = (-np.expm1(-np.outer(t, s**2)) / s)[:, :, None] * (left.T @ (data @ wanted))
    found = right.T @ moved
    found = root[:, None] * found if np.isinf(m) else seen.T @ found
    return np.asarray(((wanted - found) ** 2).sum(1).mean(1))


def simulate(*, seed: int, **settings: float) -> RunTable:
    """Losses of students whose features and samples are drawn anew for each row."""
    limit, widths, data, times = design()
    rng = np.random.default_rng([seed, 2402])
    count = int(settings["modes"])
    spectrum, power = powers(count, settings["b"]), powers(count, settings["a"])
    losses = []
    for m, n, t in zip(widths, data, times, strict=True):
        draws = max(1, round(DRAWS * 20 / min(m, n)))
        runs = [loss(spectrum, power, m, n, np.array([t]), rng)[0] for _ in range(draws)]
        losses.append(np.mean(runs))
    columns = {"m": widths, "D": data, "t": times, "L": np.array(losses)}
    return RunTable({"limit": np.array(limit, object), **columns}, source="world 'dynamical'")


def curve(spectrum: Array, power: Array, m: float, n: float, times: Array) -> Array:
    """Mean loss at each time by the two-time equations of the paper, shape (times,).

    With H_k = 1/(z + l_k R1 R3), the correlations C0 (of the errors, whose value at equal times
    is the loss) and C2 (of the gradients) solve two linear equations for each pair (z, z').
    """
    out = np.empty(len(times))
    for i, (t, kappa) in enumerate(zip(times, kappas(times, spectrum, m, n), strict=True)):
        z = nodes(float(t))
        df = (spectrum / (spectrum + kappa[:, None])).sum(1)
        r1, r3 = 1 - df / n, 1 - df / m
        h = 1 / (z[:, None] + spectrum * (r1 * r3)[:, None])
        rr1, rr3, zz = np.outer(r1, r1), np.outer(r3, r3), np.outer(z, z)
        plain, slow = (h * spectrum) @ h.T, (h * spectrum**2) @ h.T
        target, pull = (h * power) @ h.T, (h * power * spectrum) @ h.T
        both = slow * rr1 * rr3
        top = target * (1 - both / m) + plain * rr3 / m * rr1 * pull
        bottom = (1 - both / n) * (1 - both / m) - zz * plain**2 * rr1 * rr3 / m / n
        out[i] = invert_twice(top / bottom, float(t))
    return out


def theory(runs: RunTable, **settings: float) -> Array:
    """The mean loss at each row's width, data and time."""
    count = int(settings["modes"])
    spectrum, power = powers(count, settings["b"]), powers(count, settings["a"])
    out = np.empty(len(runs))
    pairs = np.column_stack([runs["m"], runs["D"]])
    for m, n in np.unique(pairs, axis=0):
        at = (pairs == (m, n)).all(1)
        out[at] = curve(spectrum, power, m, n, runs["t"][at])
    return out


def exponents(**settings: float) -> Mapping[str, float]:
    """The exponent of data, min(a - 1, 2 b); `width_exponent` and `time_exponent` have theirs."""
    return {"beta": min(settings["a"] - 1, 2 * settings["b"])}


def width_exponent(a: float, b: float) -> float:
    """Exponent of the trained loss in width.

    The paper prints min(a - 1, 2 b). At unlimited data, training ends in an orthogonal projection,
    whose loss is sum_k k^-a kappa/(k^-b + kappa) with kappa of order m^-b; that falls no faster
    than m^-b. The two agree for a - 1 < b, as in all of the paper's runs.
    """
    return min(a - 1, b)


def time_exponent(a: float, b: float) -> float:
    """Exponent of the loss in time at unlimited width and data."""
    return (a - 1) / b


WORLD = World(
    name="dynamical",
    what="Gradient flow of a linear student on random features of power-law modes: its loss "
    "where width, data, time or all of them limit it.",
    source="Bordelon, Atanasov & Pehlevan 2024, A Dynamical Model of Neural Scaling Laws",
    simulate=simulate,
    theory=theory,
    predicts="L",
    law="B*D^-beta",
    exponents=exponents,
    where="limit=data",
    settings={"a": 2.5, "b": 2.0, "modes": 1000},
    tolerance=0.08,
)
