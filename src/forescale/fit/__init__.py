"""Law + runs -> Fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from forescale.errors import BadOption, NotReached
from forescale.fit._build import Spec, build
from forescale.fit._covariance import sandwich
from forescale.fit._solve import refit, refit_subsets, solve
from forescale.fit.diagnose import diagnose
from forescale.fit.objective import OBJECTIVES, Objective
from forescale.fit.objective import objective as find_objective
from forescale.fit.result import Draws, Fit, Flag
from forescale.laws import CUSTOM, Law, resolve
from forescale.runs import RunTable, scale_name

__all__ = [
    "OBJECTIVES",
    "Draws",
    "Fit",
    "Flag",
    "Objective",
    "Spec",
    "fit",
    "fit_spec",
    "refit",
    "refit_subsets",
    "specify",
]


def specify(
    runs: RunTable,
    law: Law | str = "chinchilla",
    *,
    objective: str | Objective = "huber",
    by: str | None = None,
    free: Sequence[str] = (),
    fix: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
    weights: str | None = None,
    starts: int = 256,
    seed: int = 0,
) -> Spec:
    """What the user asked for, checked; arguments as in `fit`."""
    inline = isinstance(law, str)
    found = resolve(law, columns=tuple(runs.columns), bounds=bounds if inline else None)
    found = _on_table(found, runs)
    if bounds and not (inline and found.name == CUSTOM):
        found = found.bounded(bounds)
    if free and by is None:
        raise BadOption("parameters can only be free between groups", fix="add --by COLUMN")
    if by is not None and not free:
        free = found.names[:0]
    return Spec(
        law=found.fixed(fix or {}),
        objective=find_objective(objective),
        by=by,
        free=tuple(free),
        priors=dict(priors or {}),
        weights=weights,
        fixed=dict(fix or {}),
        bounded=tuple(n for n in bounds or () if n not in (fix or {})),
        starts=starts,
        seed=seed,
    )


def _on_table(law: Law, runs: RunTable) -> Law:
    """A law in one variable moved to the table's own scale, where it lacks the law's."""
    if len(law.inputs) != 1 or law.program is not None:
        return law
    (wanted,) = law.inputs
    predicts = law.predicts
    if predicts not in runs and predicts in ("L", "err") and "L" in runs:
        predicts = "L"
    if wanted not in runs:
        scale = scale_name(runs)
        if scale in runs:
            wanted = scale
    if (wanted, predicts) == (law.inputs[0], law.predicts):
        return law
    return law.along(wanted, predicts=predicts)


def fit(
    runs: RunTable,
    law: Law | str = "chinchilla",
    *,
    objective: str | Objective = "huber",
    by: str | None = None,
    free: Sequence[str] = (),
    fix: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, tuple[float, float]] | None = None,
    weights: str | None = None,
    starts: int = 256,
    seed: int = 0,
) -> Fit:
    """The law fitted to the runs, proved to be a minimum, with its doubts.

    Args:
        runs: The run table.
        law: A law, its name, or a formula over the table's columns.
        objective: A name of `OBJECTIVES`, or "huber:0.01".
        by: Column that splits the runs into groups.
        free: Parameters with a value of their own per group; the rest is shared.
        fix: Parameters held at given values.
        bounds: Bounds that replace the law's own.
        priors: Normal priors, parameter -> (mean, sd); for scales, sd of the log.
        weights: Column of row weights.
        starts: Quasi-random starts.
        seed: Seed of the search.

    Raises:
        BadTable, TooFewRuns, BadOption, BadFormula, UnknownName: The input cannot be used.
        NotReached: If the law cannot be evaluated anywhere near the data.
    """
    spec = specify(
        runs,
        law,
        objective=objective,
        by=by,
        free=free,
        fix=fix,
        bounds=bounds,
        priors=priors,
        weights=weights,
        starts=starts,
        seed=seed,
    )
    return fit_spec(runs, spec)


def fit_spec(runs: RunTable, spec: Spec) -> Fit:
    """`spec` fitted to `runs`; raises as `fit` does."""
    problem, found = solve(build(runs, spec), spec.objective, count=spec.starts, seed=spec.seed)
    theta = found.theta[0]
    if not np.isfinite(found.value[0]):
        raise NotReached(
            f"law '{spec.law.name}' has no finite value near these runs",
            where=runs.source,
            fix="give bounds, or another law",
        )
    covariance = sandwich(problem, theta)
    out = Fit(
        spec=spec,
        runs=runs,
        problem=problem,
        theta=theta,
        value=float(found.value[0]),
        converged=bool(found.converged[0]),
        at_bound=found.at_bound[0],
        covariance=covariance,
    )
    flags = diagnose(
        problem,
        theta,
        runs=runs,
        converged=out.converged,
        at_bound=out.at_bound,
        covariance=covariance,
    )
    return replace(out, flags=flags)
