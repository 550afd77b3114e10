"""What a forecast must beat: the naive forecasts anyone can make without a law."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.fit._build import Spec, groups_of, needed
from forescale.runs import RunTable

Array = NDArray[np.float64]


def best_so_far(train: RunTable, spec: Spec, at: Mapping[str, Array]) -> Array:
    """The lowest value measured so far, everywhere: no progress at all."""
    _, y = needed(train, spec)
    m = len(next(iter(at.values())))
    return np.full(m, y.min())


def line(train: RunTable, spec: Spec, at: Mapping[str, Array]) -> Array:
    """A straight line on log-log axes (a plane for two inputs), by least squares.

    Inputs with zeros enter as log(1 + x / median); outputs that are not positive stay raw.
    """
    x, y = needed(train, spec)
    logs_y = bool((y > 0).all())
    # Runs seen and places asked for must enter alike.
    positive = {i: bool((v > 0).all() and (np.asarray(at[i]) > 0).all()) for i, v in x.items()}

    def design(values: Mapping[str, Array]) -> Array:
        columns = [np.ones(len(next(iter(values.values()))))]
        for name, seen in x.items():
            v = np.asarray(values[name], float)
            if positive[name]:
                columns.append(np.log(v) - np.log(seen).mean())
            elif (seen >= 0).all():
                columns.append(np.log1p(v / max(float(np.median(seen)), 1e-300)))
            else:
                columns.append(v - seen.mean())
        return np.stack(columns, axis=1)

    target = np.log(y) if logs_y else y
    c, *_ = np.linalg.lstsq(design(x), target, rcond=None)
    out = design(at) @ c
    return np.asarray(np.exp(out) if logs_y else out)


RIVALS = {"best so far": best_so_far, "straight line": line}


def naively(fit: Fit, at: Mapping[str, Array], group: str | None) -> dict[str, Array]:
    """What each naive forecast makes of a fit's runs (of one group's alone), each of shape (m,)."""
    runs = fit.runs
    if group is not None:
        names, index = groups_of(runs, fit.spec.by)
        runs = runs.take(index == names.index(group))
    return {name: rival(runs, fit.spec, at) for name, rival in RIVALS.items()}
