"""The comparison put to its own test: made again without the largest runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.compare._apart import all_freed, alone, drawn_anew
from forescale.compare._noise import Design, pool
from forescale.compare._scale import Estimate, Ladder, multiplier, quantiles
from forescale.errors import ForescaleError
from forescale.fit import Spec
from forescale.quantities import format_number
from forescale.runs import RunTable

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Share of the runs that is held out, as near as the scales allow; more would leave no law.
SHARE, MOST = 0.25, 0.5
#: Distinct scales that each method must keep.
LEAST_SCALES = 4


@dataclass(frozen=True)
class Held:
    """What the smaller runs said of the multiplier at the largest scale, and what all runs say.

    Args:
        cut: Largest scale kept.
        target: Scale at which the two are held against each other.
        held: Runs held out.
        said: The multiplier from the runs kept.
        found: The multiplier from all runs.
    """

    cut: float
    target: float
    held: int
    said: Estimate
    found: Estimate

    @property
    def inside(self) -> bool:
        """Whether what all runs say lay inside the interval."""
        return self.said.lo <= self.found.value <= self.said.hi

    def text(self, scale: str) -> str:
        """One line for the user."""
        word = "inside" if self.inside else "OUTSIDE"
        return (
            f"without the largest {self.held} runs the multiplier at {scale} = "
            f"{format_number(self.target, 3)} ({self.target / self.cut:.3g}x beyond the rest) was "
            f"{self.said.text('x')}; with them it is {self.found.text('x')}: {word} its interval"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "cut": self.cut,
            "target": self.target,
            "held_out": self.held,
            "said": self.said.to_dict(),
            "found": self.found.to_dict(),
            "inside": self.inside,
        }


def held(
    runs: RunTable,
    spec: Spec,
    ladder: Ladder,
    plan: Design,
    rows: Mapping[str, Index],
    *,
    names: tuple[str, str],
    whole: Mapping[str, Array],
    up: float,
    level: float,
    seed: int,
) -> Held | None:
    """The multiplier of a method forecast from the smaller runs; None where too few are left.

    Args:
        runs: Runs of all methods.
        spec: The law.
        ladder: The scales.
        plan: Which rows err together.
        rows: Rows of each method.
        names: The baseline and the method.
        whole: Parameters from all runs, the estimate first, then the draws, shape (K + 1, p).
        up: 1 where a larger output is further ahead, -1 where a smaller one is.
        level: Level of the intervals.
        seed: Seed of the draws.
    """
    scales = {m: ladder.of_runs[rows[m]] for m in names}
    cut = _cut(scales, len(spec.law.names) + 2)
    if cut is None:
        return None
    keep = np.sort(np.concatenate([rows[m][scales[m] <= cut] for m in names]))
    less = runs.take(keep)
    own = {m: np.flatnonzero(np.isin(keep, rows[m])) for m in names}
    try:
        fits = {m: alone(less, spec, np.isin(np.arange(len(keep)), own[m]), m) for m in names}
    except ForescaleError:
        return None
    method = np.isin(np.arange(len(keep)), own[names[1]]).astype(np.intp)
    source = pool(*all_freed(fits, own, len(keep)), unit=plan.unit[keep], method=method)
    draws = drawn_anew(fits, own, source, len(next(iter(whole.values()))) - 1, seed)
    theta = {m: np.concatenate([fits[m].natural[None], draws[m]]) for m in names}
    goal = float(min(s.max() for s in scales.values()))
    at = np.array([np.log10(goal)])
    said, found = (_estimate(ladder, t, names, at, up, level) for t in (theta, whole))
    return Held(cut, goal, len(np.concatenate([rows[m] for m in names])) - len(keep), said, found)


def _estimate(
    ladder: Ladder,
    theta: Mapping[str, Array],
    names: tuple[str, str],
    at: Array,
    up: float,
    level: float,
) -> Estimate:
    base = up * ladder.values(theta[names[0]])
    other = up * ladder.values(theta[names[1]], at)
    factor = 10.0 ** multiplier(ladder.x, base, at, other)[:, 0]
    return Estimate(float(factor[0]), *quantiles(factor[1:], level))


def _cut(scales: Mapping[str, Array], least: int) -> float | None:
    """Largest scale to keep, such that about a quarter of the runs lie beyond."""
    every = np.concatenate(list(scales.values()))
    found = []
    for cut in np.unique(every):
        kept = [s[s <= cut] for s in scales.values()]
        distinct = [len(np.unique(np.round(np.log10(k), 2))) for k in kept]
        share = 1.0 - sum(map(len, kept)) / len(every)
        enough = min(map(len, kept)) >= least and min(distinct) >= LEAST_SCALES
        # Each method must have runs beyond, or nothing is held against its forecast.
        beyond = all(s.max() > 1.02 * cut for s in scales.values())
        if enough and beyond and share <= MOST:
            found.append((abs(share - SHARE), float(cut)))
    return min(found)[1] if found else None
