"""How far away a place is: the scale of runs, and factors beyond the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.laws import Law
from forescale.quantities import flops_6nd
from forescale.runs import RunTable

Array = NDArray[np.float64]


def scale_of(values: Mapping[str, Array], law: Law) -> tuple[str, Array]:
    """The one number by which a law's runs are ordered, its name and values, shape (n,).

    Compute for laws in N and D, the input itself for laws in one variable, else the
    product of the positive inputs.
    """
    x = {i: np.asarray(values[i], float) for i in law.inputs}
    if len(x) == 1:
        return next(iter(x.items()))
    if "C" in x:
        return "C", x["C"]
    if "N" in x and "D" in x:
        return "C", np.asarray(flops_6nd(x["N"], x["D"]))
    product = np.ones_like(next(iter(x.values())))
    names = [i for i, v in x.items() if (v > 0).all()]
    for i in names:
        product = product * x[i]
    return "*".join(names), product


@dataclass(frozen=True)
class Distance:
    """How far a place lies outside the data.

    Args:
        factors: Per axis, how many times beyond the largest value seen (above 1), or below
            the smallest (below 1); 1 inside the range. "C" and "D/N" are axes too where
            they can be told.
        decades: The farthest axis, in decades.
    """

    factors: Mapping[str, float]
    decades: float

    @property
    def factor(self) -> float:
        """The farthest axis, as a factor of at least 1."""
        return float(10.0**self.decades)

    def text(self) -> str:
        """Such as "360x in C, 12x in N"; empty inside the data."""
        parts = []
        for name, f in sorted(self.factors.items(), key=lambda item: -abs(np.log(item[1]))):
            if f > 1.005:
                parts.append(f"{_times(f)} beyond the largest {name}")
            elif f < 0.995:
                parts.append(f"{_times(1 / f)} below the smallest {name}")
        return ", ".join(parts)


def _times(f: float) -> str:
    return f"{f:.3g}x" if f < 1000 else f"{f:.1e}x"


def distance(runs: RunTable, law: Law, at: Mapping[str, float]) -> Distance:
    """How far the place `at` lies outside `runs`, per axis and at most."""
    seen = {i: np.asarray(runs[i], float) for i in law.inputs}
    here = {i: np.asarray([at[i]], float) for i in law.inputs}
    name, scale = scale_of(seen, law)
    axes = dict(seen)
    places = dict(here)
    if name not in axes:
        axes[name], places[name] = scale, scale_of(here, law)[1]
    if "N" in seen and "D" in seen:
        axes["D/N"], places["D/N"] = seen["D"] / seen["N"], here["D"] / here["N"]
    factors, decades = {}, 0.0
    for axis, values in axes.items():
        positive = values[values > 0]
        x = float(places[axis][0])
        if not len(positive) or x <= 0:
            factors[axis] = 1.0
            continue
        low, high = float(positive.min()), float(positive.max())
        f = x / high if x > high else x / low if x < low else 1.0
        factors[axis] = f
        decades = max(decades, abs(float(np.log10(f))))
    return Distance(factors, decades)
