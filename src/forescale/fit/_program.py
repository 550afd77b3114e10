"""Derivatives of a law that no formula can say, in the shape a tape gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from forescale.laws import Law

Array = NDArray[np.float64]

#: Step in each coordinate. Coordinates are of order one, so a central difference errs by 1e-9.
STEP = 3e-5


class Program:
    """A law's program over fitting coordinates, called as a `Tape` is.

    Args:
        law: A law with a program. Its units make it the same function of centred inputs and
            recounted parameters.
        coordinates: "log" or "linear" for each parameter.
        logged: Inputs that come as logs.
        slopes: Whether first derivatives follow the values. Second ones would cost p times
            more; without them the Hessian is Gauss and Newton's, exact where residuals are
            small, and steps are many rather than few.
    """

    def __init__(
        self, law: Law, coordinates: Sequence[str], logged: Sequence[str], *, slopes: bool
    ) -> None:
        self._law = law
        self._is_log = np.array([c == "log" for c in coordinates])
        self._logged = frozenset(logged)
        self._slopes = slopes

    def __call__(self, *values: Array) -> list[Array]:
        """Values and, if asked for, first derivatives, each of shape (K, n)."""
        law = self._law
        m = len(law.inputs)
        x = {
            i: np.exp(v) if i in self._logged else v
            for i, v in zip(law.inputs, values[:m], strict=True)
        }
        t = np.concatenate(values[m:], axis=1)
        p = t.shape[1]
        if self._slopes and law.slopes is not None:
            return self._exact(x, t)
        out = [self._value(x, t)]
        if self._slopes:
            e = STEP * np.eye(p)
            out += [(self._value(x, t + d) - self._value(x, t - d)) / (2 * STEP) for d in e]
        return out

    def _value(self, x: dict[str, Array], t: Array) -> Array:
        assert self._law.program is not None
        with np.errstate(all="ignore"):
            return np.asarray(self._law.program(x, self._natural(t)), float)

    def _exact(self, x: dict[str, Array], t: Array) -> list[Array]:
        assert self._law.slopes is not None
        with np.errstate(all="ignore"):
            natural = self._natural(t)
            value, *slopes = self._law.slopes(x, natural)
            inner = np.where(self._is_log, natural, 1.0)
            return [value, *(d * inner[:, j, None] for j, d in enumerate(slopes))]

    def _natural(self, t: Array) -> Array:
        return np.where(self._is_log, np.exp(np.clip(t, -300.0, 300.0)), t)
