"""From a run table and what the user asked to a `Problem`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption, BadTable, TooFewRuns
from forescale.fit import _noise
from forescale.fit.objective import Objective
from forescale.fit.problem import Problem, centre, law_bounds, middle
from forescale.laws import Law
from forescale.runs import RunTable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spec:
    """What to fit and how: everything but the runs, so that a resample can be fitted alike.

    Args:
        law: The law, with fixed parameters already put in and bounds set.
        objective: What is minimised.
        by: Column that splits the runs into groups, or None.
        free: Parameters with a value of their own in each group; the others are shared.
        priors: Normal priors, parameter -> (mean, sd); on logs for scales.
        weights: Column of row weights, or None.
        fixed: Values that were put into the law, for the record.
        bounded: Parameters whose bounds the user set.
        starts: Quasi-random starts of the search.
        seed: Seed of everything random.
    """

    law: Law
    objective: Objective
    by: str | None = None
    free: tuple[str, ...] = ()
    priors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    weights: str | None = None
    fixed: Mapping[str, float] = field(default_factory=dict)
    bounded: tuple[str, ...] = ()
    starts: int = 256
    seed: int = 0

    @property
    def log_residual(self) -> bool:
        return (self.objective.residual or self.law.residual) == "log"


def groups_of(runs: RunTable, by: str | None) -> tuple[tuple[str, ...], NDArray[np.intp]]:
    """Names of the groups and the group of each row."""
    if by is None:
        return ("",), np.zeros(len(runs), np.intp)
    labels = np.array([_label(v) for v in runs[by]])
    names, index = np.unique(labels, return_inverse=True)
    return tuple(str(n) for n in names), index.astype(np.intp)


def _label(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def needed(runs: RunTable, spec: Spec) -> tuple[dict[str, Array], Array]:
    """The inputs and the observed values a law needs, as float arrays.

    Raises:
        BadTable: If a column is missing, or holds a value the law cannot use.
    """
    law = spec.law
    missing = [c for c in (*law.inputs, law.predicts) if c not in runs]
    if missing:
        have = ", ".join(runs.columns)
        raise BadTable(
            f"law '{law.name}' needs {', '.join(missing)}, which the table does not have",
            where=runs.source,
            fix=f"columns found: {have}; name one with --map {missing[0]}=COLUMN",
        )
    x = {i: np.asarray(runs[i], float) for i in law.inputs}
    y = np.asarray(runs[law.predicts], float)
    for name, values in (*x.items(), (law.predicts, y)):
        bad = ~np.isfinite(values)
        if name == law.predicts and spec.log_residual:
            bad |= values <= 0
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            raise BadTable(
                f"{name} is {values[i]:g}, which law '{law.name}' cannot use",
                where=f"{runs.source}, row {runs.rows[i]}, column {runs.names.get(name, name)}",
                fix="drop the row with --where, or fit with --objective lsq",
            )
    return x, y


def build(runs: RunTable, spec: Spec) -> Problem:
    """The problem of fitting `spec` to `runs`.

    Raises:
        BadTable: If the law's columns are missing or unusable.
        TooFewRuns: If there are not more rows than parameters.
        BadOption: If `free`, `priors` or `weights` name what is not there.
    """
    law = spec.law
    x, y = needed(runs, spec)
    group_names, group = groups_of(runs, spec.by)
    for name in (*spec.free, *spec.priors):
        if name not in law.names:
            raise BadOption(
                f"'{name}' is no parameter of law '{law.name}'",
                fix=f"it has {', '.join(law.names)}",
            )
    coordinates = tuple(law.coordinate(n) for n in law.names)
    free = [n for n in law.names if n in spec.free] if spec.by else []
    names = [n for n in law.names if n not in free]
    # A prior on a scale is meant in the user's units, so the centre must be one there.
    # So is a bound on one.
    # And where groups share a scale but not its exponent, what they share is its value there.
    centred = not any(law.powers[n] for n in (*spec.priors, *spec.bounded)) and not any(
        power.symbols & set(free) for n in names for power in law.powers[n].values()
    )
    inputs, centres, logged = [], [], []
    for i in law.inputs:
        # Inputs of one unit are counted alike; pure numbers mean what they say.
        s = middle(x[law.scales[i]]) if centred and i in law.scales else 1.0
        v, is_log = centre(x[i], s)
        inputs.append(v)
        centres.append(s)
        if is_log:
            logged.append(i)
    names += [f"{n}[{g}]" for g in group_names for n in free]
    columns = np.array(
        [[names.index(f"{n}[{g}]" if n in free else n) for n in law.names] for g in group_names],
        np.intp,
    )
    if len(y) <= len(names):
        raise TooFewRuns(
            f"law '{law.name}' has {len(names)} parameters to fit but the table has {len(y)} runs",
            where=runs.source,
            fix=f"add {len(names) + 1 - len(y)} runs, fix a parameter, or use a smaller law",
        )
    lower, upper = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    low, high = law_bounds(law, dict(zip(law.names, coordinates, strict=True)), spec.bounded)
    for column in columns:
        lower[column], upper[column] = low, high
    weights = np.ones(len(y))
    if spec.weights is not None:
        weights = np.asarray(runs[spec.weights], float)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
            first = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
            raise BadTable(
                f"weight {weights[first]:g}",
                where=f"{runs.source}, row {runs.rows[first]}, column {spec.weights}",
                fix="weights are finite and not negative",
            )
        weights = weights * (len(y) / weights.sum())
    mean, sd = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for j, n in enumerate(law.names):
        if n in spec.priors:
            m, s = spec.priors[n]
            if not s > 0:
                raise BadOption(f"the prior on {n} has standard deviation {s:g}")
            mean[columns[:, j]] = np.log(m) if coordinates[j] == "log" else m
            sd[columns[:, j]] = s
    return Problem(
        law=law,
        inputs=tuple(inputs),
        centres=tuple(centres),
        y=y,
        rho=_noise.first(spec.objective, np.ones(2), 1),
        log_residual=spec.log_residual,
        weights=weights,
        columns=columns,
        group=group,
        coordinates=coordinates,
        logged=tuple(logged),
        names=tuple(names),
        lower=lower,
        upper=upper,
        frozen=np.zeros(len(names), bool),
        prior_mean=mean,
        prior_sd=sd,
    )
