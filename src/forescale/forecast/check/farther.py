"""A place beyond the runs, for those who name none."""

from __future__ import annotations

import numpy as np

from forescale.errors import BadOption
from forescale.fit import Fit
from forescale.forecast._scale import scale_of
from forescale.forecast.check.design import SCALES

#: How far beyond the largest run, in units of scale.
FACTOR = 10.0


def farther(fit: Fit, factor: float = FACTOR, *, along: bool = True) -> dict[str, float]:
    """A place `factor` times beyond the largest run.

    Args:
        fit: A fit.
        factor: How many times, above 1.
        along: Whether a law in N and D is given C alone, for the best N and D of that compute;
            else the largest run grows in all its scales alike.

    Raises:
        BadOption: If no input of the law is a scale that varies.
    """
    law = fit.law
    seen = {i: np.asarray(fit.runs[i], float) for i in law.inputs}
    scale = scale_of(seen, law)[1]
    if along and set(law.inputs) == {"N", "D"}:
        return {"C": factor * float(scale.max())}
    largest = int(np.argmax(scale))
    grown = [i for i, v in seen.items() if i in SCALES and (v > 0).all() and np.ptp(v) > 0]
    if not grown:
        raise BadOption(
            f"law '{law.name}' in {', '.join(law.inputs)} has no scale to go beyond",
            fix="name a place, as in --at " + " --at ".join(f"{i}=VALUE" for i in law.inputs),
        )
    each = factor ** (1.0 / len(grown))
    return {i: float(v[largest]) * (each if i in grown else 1.0) for i, v in seen.items()}
