"""Iso-FLOP parabolas: the best size of each budget measured, and its power law in compute.

Source: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", approach 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.runs import RunTable, compute, isoflop_groups

Array = NDArray[np.float64]

#: Sizes a budget needs before its parabola says anything.
LEAST_SIZES = 5


@dataclass(frozen=True)
class Parabola:
    """Loss against size at one compute budget: log L = low + curve (log N - log N*)^2.

    Args:
        flops: The budget.
        n_opt: Size at the vertex.
        n_error: One standard error of log n_opt (delta method).
        loss: Loss at the vertex.
        curve: Half the second derivative of log L in log N; positive.
        runs: Runs behind it.
    """

    flops: float
    n_opt: float
    n_error: float
    loss: float
    curve: float
    runs: int


@dataclass(frozen=True)
class Approach2:
    """Optimal size as a power law of compute, through the parabolas' vertices.

    Args:
        parabolas: One per budget with a vertex among its runs.
        skipped: Budgets that have none, and why.
        exponent: a in N_opt ~ C^a, with its interval.
        n: Optimal size at the compute asked for, with its interval.
    """

    parabolas: tuple[Parabola, ...]
    skipped: tuple[str, ...]
    exponent: tuple[float, float, float]
    n: tuple[float, float, float]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "parabolas": [vars(p) for p in self.parabolas],
            "skipped": list(self.skipped),
            "exponent": {"value": self.exponent[0], "interval": list(self.exponent[1:])},
            "N": {"value": self.n[0], "interval": list(self.n[1:])},
        }


def parabolas(runs: RunTable) -> tuple[tuple[Parabola, ...], tuple[str, ...]]:
    """A parabola per compute budget that has one, and what was skipped and why."""
    groups = isoflop_groups(runs)
    scale = compute(runs)
    x, y = np.log(np.asarray(runs["N"], float)), np.log(np.asarray(runs["L"], float))
    found, skipped = [], []
    for g in range(int(groups.max()) + 1):
        rows = np.flatnonzero(groups == g)
        sizes = np.unique(np.round(x[rows], 3))
        if len(sizes) < LEAST_SIZES:
            continue
        budget = float(np.exp(np.log(scale[rows]).mean()))
        p = _parabola(budget, x[rows], y[rows])
        if isinstance(p, str):
            skipped.append(f"C = {budget:.3g}: {p}")
        else:
            found.append(p)
    return tuple(found), tuple(skipped)


def _parabola(budget: float, x: Array, y: Array) -> Parabola | str:
    # Wings far above the optimum are not parabolic: three e-folds of size around the best run.
    best = x[int(np.argmin(y))]
    near = np.abs(x - best) <= 2.0
    if len(np.unique(np.round(x[near], 3))) >= LEAST_SIZES:
        x, y = x[near], y[near]
    z = x - x.mean()
    design = np.stack([np.ones_like(z), z, z * z], axis=1)
    c, *_ = np.linalg.lstsq(design, y, rcond=None)
    if c[2] <= 0:
        return "loss does not curve up with size"
    vertex = -c[1] / (2 * c[2])
    if not z.min() <= vertex <= z.max():
        return "the best size lies outside the sizes run"
    r = y - design @ c
    dof = max(len(y) - 3, 1)
    cov = np.linalg.inv(design.T @ design) * float(r @ r) / dof
    slope = np.array([0.0, -1.0 / (2 * c[2]), c[1] / (2 * c[2] ** 2)])
    return Parabola(
        flops=budget,
        n_opt=float(np.exp(vertex + x.mean())),
        n_error=float(np.sqrt(max(slope @ cov @ slope, 0.0))),
        loss=float(np.exp(c[0] - c[1] ** 2 / (4 * c[2]))),
        curve=float(c[2]),
        runs=len(y),
    )


def approach2(runs: RunTable, flops: float, *, level: float = 0.9) -> Approach2 | str:
    """Optimal size at `flops` through the measured optima; a reason where it cannot be told."""
    if not {"N", "L"} <= set(runs.columns):
        return "the table has no N or no L"
    found, skipped = parabolas(runs)
    if len(found) < 3:
        return (
            f"{len(found)} compute budgets have {LEAST_SIZES} sizes around a best one; 3 are needed"
        )
    from scipy.stats import t as student

    x = np.log([p.flops for p in found])
    y = np.log([p.n_opt for p in found])
    # A vertex told better counts more; the floor keeps one lucky fit from ruling.
    error = np.array([p.n_error for p in found])
    w = 1.0 / (error**2 + np.median(error) ** 2 + 1e-12)
    design = np.stack([np.ones_like(x), x - x.mean()], axis=1)
    gram = (design.T * w) @ design
    c = np.linalg.solve(gram, (design.T * w) @ y)
    r = y - design @ c
    dof = len(x) - 2
    cov = np.linalg.inv(gram) * float((w * r * r).sum()) / dof
    quantile = float(student.ppf(0.5 + 0.5 * level, dof))
    here = np.array([1.0, np.log(flops) - x.mean()])
    middle, half = float(here @ c), quantile * float(np.sqrt(here @ cov @ here))
    slope, slope_half = float(c[1]), quantile * float(np.sqrt(cov[1, 1]))
    return Approach2(
        parabolas=found,
        skipped=skipped,
        exponent=(slope, slope - slope_half, slope + slope_half),
        n=(float(np.exp(middle)), float(np.exp(middle - half)), float(np.exp(middle + half))),
    )
