"""What a fit minimises: a loss of residuals, in logs or raw, and how its scale is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from forescale.catalogue import unknown
from forescale.errors import BadOption

Array = NDArray[np.float64]
Shape = Literal["square", "huber", "student", "one_sided"]


@dataclass(frozen=True)
class Objective:
    """A loss function of residuals.

    Args:
        name: The word users type.
        shape: "square"; "huber" (quadratic within `width`, then linear); "student"
            (Student-t with `dof` degrees of freedom); "one_sided" (Gaussian noise plus, in
            a share of the runs, an exponential excess).
        residual: "log" for log(predicted / observed), "raw" for predicted - observed,
            None for what the law asks.
        width: Huber's threshold in units of the noise scale, or of the residual itself if
            `scale` is False.
        dof: Degrees of freedom of Student's t.
        scale: Whether the noise scale is estimated with the fit.
        what: One line for the user.
    """

    name: str
    shape: Shape
    residual: Literal["log", "raw"] | None = None
    width: float = 1.345
    dof: float = 4.0
    scale: bool = True
    what: str = ""


OBJECTIVES = {
    o.name: o
    for o in (
        Objective(
            "huber", "huber", what="Huber loss whose threshold follows the noise found (default)"
        ),
        Objective(
            "hoffmann",
            "huber",
            residual="log",
            width=1e-3,
            scale=False,
            what="Huber loss of log residuals with threshold 1e-3, summed (Hoffmann et al. 2022)",
        ),
        Objective("lsq-log", "square", residual="log", what="least squares of log residuals"),
        Objective("lsq", "square", residual="raw", what="least squares of raw residuals"),
        Objective("student", "student", what="Student-t with 4 degrees of freedom"),
        Objective(
            "one-sided",
            "one_sided",
            residual="log",
            what="some runs under-tuned, which only ever raises the loss: fits the frontier",
        ),
    )
}


def objective(spec: str | Objective) -> Objective:
    """The objective a user means: a name, or "huber:0.01" for a fixed threshold.

    Raises:
        UnknownName: If there is none of that name.
        BadOption: If the threshold is no positive number.
    """
    if isinstance(spec, Objective):
        return spec
    name, colon, width = spec.partition(":")
    if name not in OBJECTIVES:
        raise unknown(name, OBJECTIVES, kind="objective")
    found = OBJECTIVES[name]
    if not colon:
        return found
    try:
        value = float(width)
    except ValueError:
        value = -1.0
    if found.shape != "huber" or not value > 0:
        raise BadOption(f"objective {spec!r} cannot be read", fix='as in "huber:0.01"')
    return Objective(spec, "huber", residual=found.residual, width=value, scale=False)
