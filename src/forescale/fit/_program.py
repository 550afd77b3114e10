"""Derivatives of a law that no formula can say, by differences, in the shape a tape gives."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from forescale.laws import Law

Array = NDArray[np.float64]

#: Step in each coordinate. Coordinates are of order one, so the error of a first difference
#: is near 1e-9 and of a second near 1e-7: enough for Newton's method to end at a minimum.
STEP = 3e-5
STEP_TWICE = 3e-4


class Program:
    """A law's program over fitting coordinates, called as a `Tape` is.

    Args:
        law: A law with a program. Its units make it the same function of centred inputs and
            recounted parameters.
        coordinates: "log" or "linear" for each parameter.
        logged: Inputs that come as logs.
        order: 0 for values, 1 with first derivatives, 2 with second ones.
    """

    def __init__(
        self, law: Law, coordinates: Sequence[str], logged: Sequence[str], order: int
    ) -> None:
        self._law = law
        self._is_log = np.array([c == "log" for c in coordinates])
        self._logged = frozenset(logged)
        self._order = order

    def __call__(self, *values: Array) -> list[Array]:
        """Values, first derivatives and second ones in order of pairs, each (K, n)."""
        law = self._law
        m = len(law.inputs)
        x = {
            i: np.exp(v) if i in self._logged else v
            for i, v in zip(law.inputs, values[:m], strict=True)
        }
        t = np.concatenate(values[m:], axis=1)
        p = t.shape[1]
        out = [self._value(x, t)]
        if self._order >= 1:
            e = STEP * np.eye(p)
            out += [(self._value(x, t + d) - self._value(x, t - d)) / (2 * STEP) for d in e]
        if self._order >= 2:
            e = STEP_TWICE * np.eye(p)
            up = [self._value(x, t + d) for d in e]
            down = [self._value(x, t - d) for d in e]
            for i, j in combinations_with_replacement(range(p), 2):
                if i == j:
                    second = up[i] + down[i] - 2 * out[0]
                else:
                    both = self._value(x, t + e[i] + e[j]) + self._value(x, t - e[i] - e[j])
                    second = 0.5 * (both + 2 * out[0] - up[i] - up[j] - down[i] - down[j])
                out.append(second / STEP_TWICE**2)
        return out

    def _value(self, x: dict[str, Array], t: Array) -> Array:
        assert self._law.program is not None
        with np.errstate(all="ignore"):
            natural = np.where(self._is_log, np.exp(np.clip(t, -300.0, 300.0)), t)
            return np.asarray(self._law.program(x, natural), float)
