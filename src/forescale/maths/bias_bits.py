"""Bits of inductive bias that a task asks for, beyond what its training examples say.

The hypotheses are all functions on the data's manifold, taken as a sphere, up to a frequency that
separates the nearest two classes. Examples fix as many of their coefficients as there are; the
bits say the others, to the precision that the error wanted asks for.

Source: Boopathy et al. 2023, "Model-agnostic Measure of Generalization Difficulty".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from forescale.errors import BadOption


@dataclass(frozen=True)
class Classification:
    """What the bits of a classification task depend on.

    Args:
        dimension: Intrinsic dimension of the inputs, above 0; need not be whole.
        radius: Largest norm of an input, in any unit of length.
        spacing: Distance from which classes are told apart, in the same unit.
        points: Training examples.
        classes: Classes.
        error: Test error wanted, over the loss's Lipschitz constant; above 0.

    Raises:
        BadOption: If one of them is not positive, or there are fewer than two classes.
    """

    dimension: float
    radius: float
    spacing: float
    points: int
    classes: int
    error: float

    def __post_init__(self) -> None:
        for name in ("dimension", "radius", "spacing", "points", "error"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise BadOption(
                    f"{name} = {value:g} is not positive", where=name, fix="give above 0"
                )
        if self.classes < 2:
            raise BadOption(f"{self.classes} classes", where="classes", fix="give 2 or more")

    @property
    def frequency(self) -> float:
        """Highest frequency on a sphere of radius one: what tells the nearest classes apart."""
        return 2 * math.pi * self.radius / self.spacing

    @property
    def unknown(self) -> float:
        """Coefficients that the examples leave open, the source's (2 d E - n) times outputs."""
        outputs = self.classes - 1
        modes = harmonics(degree(self.dimension, self.frequency), self.dimension)
        return outputs * (2 * self.classes * modes - self.points)

    @property
    def bits(self) -> float:
        """Bits of inductive bias, at most; 0 where the examples fix all there is to know.

        The precision of a coefficient is that at which, over the distance from test examples to
        their nearest training examples, the error wanted is kept.
        """
        outputs = self.classes - 1
        top = degree(self.dimension, self.frequency)
        slope = top * math.sqrt(outputs) / self.radius
        reach = slope * spread(self.dimension, self.radius, self.points, self.classes)
        each = math.log2(math.sqrt(outputs * self.classes) * reach / self.error)
        return max(self.unknown, 0.0) * max(each, 0.0)


def degree(dimension: float, frequency: float) -> float:
    """The harmonic k, not rounded, whose eigenvalue k (k + m - 1) is the frequency's square."""
    half = (dimension - 1) / 2
    return math.sqrt(half**2 + frequency**2) - half


def harmonics(degree: float, dimension: float) -> float:
    """How many spherical harmonics there are up to a degree on a sphere of m dimensions.

    Over degrees l their numbers, C(m+l, m) - C(m+l-2, m), add up to C(m+k, m) + C(m+k-1, m).
    """
    logs = (
        math.lgamma(dimension + top + 1) - math.lgamma(top + 1) - math.lgamma(dimension + 1)
        for top in (degree, degree - 1)
        if top > -1
    )
    return math.fsum(math.exp(value) for value in logs)


def spread(dimension: float, radius: float, points: int, copies: int) -> float:
    """Distance between training and test examples: root mean square of two in a point's own cube.

    Args:
        dimension: The sphere's, m.
        radius: The sphere's.
        points: Training examples, which share the surface out in cubes.
        copies: Spheres, one for each class.
    """
    area = math.log(2 * copies) + (dimension + 1) / 2 * math.log(math.pi)
    side = (area - math.lgamma((dimension + 1) / 2) - math.log(points)) / dimension
    return math.sqrt(dimension / 6) * radius * math.exp(side)


def counted_bits(cells: int, points: int, classes: int, wrong: int) -> float:
    """Bits by count, where the hypotheses are all labellings of a number of cells.

    Of the labellings that give the cells seen their labels, minus the logarithm of the share that
    mislabels no more than `wrong` of the others: the definition, without a bound.

    Args:
        cells: Cells of the input space.
        points: Cells whose label training tells.
        classes: Labels to choose from.
        wrong: Cells that may be wrong.
    """
    unseen = max(cells - points, 0)
    most = min(wrong, unseen)
    # Terms further than ten standard deviations from the largest, on either side, are nothing.
    peak = min(most, int(unseen * (1 - 1 / classes)))
    width = 5 * math.isqrt(unseen) + 10
    logs = [
        math.lgamma(unseen + 1)
        - math.lgamma(k + 1)
        - math.lgamma(unseen - k + 1)
        + k * math.log(classes - 1)
        for k in range(max(peak - width, 0), min(peak + width, most) + 1)
    ]
    top = max(logs)
    good = top + math.log(math.fsum(math.exp(value - top) for value in logs))
    return max((unseen * math.log(classes) - good) / math.log(2), 0.0)
