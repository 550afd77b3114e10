"""What could be wrong with a fit, found and said in one line each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.fit.problem import Problem
from forescale.fit.result import Flag
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: An input that spans less than this factor tells little about its exponent.
NARROW = 3.0
#: Singular value of the scaled Jacobian, against the largest, below which a combination of
#: parameters is not told by the data: one per cent noise becomes a factor of e in it.
UNTOLD = 3e-4
#: Residuals below this share of the values are rounding: exact data have no outliers.
ROUNDING = 1e-9
_ORDER = {"fail": 0, "warn": 1, "note": 2}


def diagnose(
    problem: Problem,
    theta: Array,
    *,
    runs: RunTable,
    converged: bool,
    at_bound: NDArray[np.bool_],
    covariance: Array,
) -> tuple[Flag, ...]:
    """Doubts about a fit, gravest first; see `Flag`."""
    flags: list[Flag] = []
    if not converged:
        flags.append(
            Flag("not converged", "fail", "no proven minimum: gradient or curvature is off")
        )
    flags += _bounds(problem, at_bound)
    flags += _identifiability(problem, theta, covariance, at_bound)
    flags += _design(problem)
    flags += _runs_that_matter(problem, theta, runs)
    flags += _structure(problem, theta)
    return tuple(sorted(flags, key=lambda f: _ORDER[f.severity]))


def _bounds(problem: Problem, at_bound: NDArray[np.bool_]) -> list[Flag]:
    names = [n for n, b in zip(problem.names, at_bound, strict=True) if b]
    if not names:
        return []
    return [
        Flag(
            "at bound",
            "warn",
            f"AT BOUND: {', '.join(names)}; the data ask for more than the bound allows",
        )
    ]


def _identifiability(
    problem: Problem, theta: Array, covariance: Array, at_bound: NDArray[np.bool_]
) -> list[Flag]:
    free = np.flatnonzero(~(at_bound | problem.frozen))
    j = problem.jacobian(theta)[:, free] * np.sqrt(problem.weights)[:, None]
    if not np.isfinite(j).all() or not len(free):
        return []
    size = np.linalg.norm(j, axis=0)
    names = [problem.names[i] for i in free]
    mute = [n for n, s in zip(names, size, strict=True) if s < 1e-9 * size.max()]
    if mute:
        return [Flag("unidentified", "fail", f"the data say nothing about {', '.join(mute)}")]
    _, s, v = np.linalg.svd(j / size, full_matrices=False)
    if s[-1] >= UNTOLD * s[0]:
        return []
    condition = s[0] / max(s[-1], 1e-16 * s[0])
    direction = v[-1] / np.abs(v[-1]).max()
    parts = sorted(
        ((abs(d), d, n) for d, n in zip(direction, names, strict=True) if abs(d) > 0.2),
        reverse=True,
    )
    combination = " ".join(f"{'+' if d > 0 else '-'}{n}" for _, d, n in parts).lstrip("+")
    return [
        Flag(
            "unidentified",
            "warn",
            f"the data cannot tell {combination} apart (condition {condition:.2g}); "
            "forecasts may still be sound, single parameters are not",
        )
    ]


def _design(problem: Problem) -> list[Flag]:
    flags = []
    n, p = len(problem.y), problem.size
    if n < p + 3:
        flags.append(
            Flag("few runs", "warn", f"{n} runs for {p} parameters: {p + 3} or more are advised")
        )
    for name, x in zip(problem.law.inputs, problem.inputs, strict=True):
        if name not in problem.logged:
            continue
        seen = x[x > -100]
        span = float(np.exp(seen.max() - seen.min())) if len(seen) else 1.0
        if span <= 1.0 + 1e-9:
            flags.append(
                Flag("constant input", "fail", f"{name} never varies: its exponent is unknown")
            )
        elif span < NARROW:
            flags.append(
                Flag(
                    "narrow range",
                    "warn",
                    f"{name} spans only a factor {span:.2g}: its exponent is hardly known",
                )
            )
    logs = [
        x
        for i, x in zip(problem.law.inputs, problem.inputs, strict=True)
        if i in problem.logged and np.ptp(x) > 0
    ]
    for a in range(len(logs)):
        for b in range(a + 1, len(logs)):
            if abs(np.corrcoef(logs[a], logs[b])[0, 1]) > 0.995:
                flags.append(
                    Flag(
                        "inputs move together",
                        "warn",
                        "the inputs rise in step: their separate effects are not told apart",
                    )
                )
    return flags


def _runs_that_matter(problem: Problem, theta: Array, runs: RunTable) -> list[Flag]:
    flags = []
    r = problem.residuals(theta[None, :])[0]
    sigma = 1.4826 * float(np.median(np.abs(r)))
    if sigma > ROUNDING and len(r) >= 8:
        order = np.argsort(-np.abs(r))
        far = [i for i in order if abs(r[i]) > 5 * sigma]
        if far:
            shown = ", ".join(_name_row(runs, i, r[i], log=problem.log_residual) for i in far[:5])
            more = f" and {len(far) - 5} more" if len(far) > 5 else ""
            lie = "1 run lies" if len(far) == 1 else f"{len(far)} runs lie"
            flags.append(
                Flag(
                    "outliers",
                    "note" if len(far) <= 0.05 * len(r) else "warn",
                    f"{lie} beyond 5 sigma: {shown}{more}",
                )
            )
    j = problem.jacobian(theta) * np.sqrt(problem.weights)[:, None]
    if np.isfinite(j).all() and len(r) <= 20_000:
        q, upper = np.linalg.qr(j / (np.linalg.norm(j, axis=0) + 1e-300))
        if np.abs(np.diag(upper)).min() > 1e-10:
            leverage = (q * q).sum(1)
            high = np.flatnonzero(leverage > 0.9)
            if len(high) and len(r) > problem.size + 2:
                rows = ", ".join(str(runs.rows[i]) for i in high[:5])
                flags.append(
                    Flag(
                        "leverage",
                        "note",
                        f"row {rows}: a fit without it would be another fit (leverage > 0.9)",
                    )
                )
    return flags


def _name_row(runs: RunTable, i: int, r: float, *, log: bool) -> str:
    run = f" ({runs['run'][i]})" if "run" in runs else ""
    size = f"{-100 * r:+.1f} %" if log else f"{-r:+.3g}"
    return f"row {runs.rows[i]}{run} {size}"


def _structure(problem: Problem, theta: Array) -> list[Flag]:
    """Residuals that bend with scale: the law's form misses something."""
    r = problem.residuals(theta[None, :])[0]
    limit = 4 * 1.4826 * float(np.median(np.abs(r)))
    r = np.clip(r, -limit, limit)
    n = len(r)
    flags: list[Flag] = []
    if n < problem.size + 8 or limit <= 4 * ROUNDING:
        return flags
    for name, x in zip(problem.law.inputs, problem.inputs, strict=True):
        keep = x > -100
        if name not in problem.logged or np.ptp(x[keep]) < 1e-9:
            continue
        z = (x[keep] - x[keep].mean()) / x[keep].std()
        design = np.stack([np.ones_like(z), z, z * z - 1.0, z**3 - 3 * z], axis=1)
        c, *_ = np.linalg.lstsq(design, r[keep], rcond=None)
        after = r[keep] - design @ c
        before = r[keep] - r[keep].mean()
        explained = 1 - (after @ after) / (before @ before)
        # F of three added terms; 6.6 is past p = 0.001 for any count that gets here.
        f = explained / 3 / max((1 - explained) / max(n - 4, 1), 1e-300)
        if f > 6.6 and explained > 0.1:
            flags.append(
                Flag(
                    "bends",
                    "warn",
                    f"residuals bend with {name} (a cubic explains {100 * explained:.0f} % of "
                    "them): the law's form misses something there",
                )
            )
    return flags
