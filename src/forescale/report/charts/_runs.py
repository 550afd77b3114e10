"""The runs of a fit as one data set that several charts draw from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forescale.fit import Fit
from forescale.forecast._scale import scale_of
from forescale.quantities import format_place, short
from forescale.report._words import titled, unit
from forescale.report.charts._spec import GREY, GROUPS, Array, Spec, by_size, rows, thin


@dataclass(frozen=True, eq=False)
class Runs:
    """A fit's runs, ready to be drawn.

    Args:
        fit: The fit.
        name: Name of the data set in the page.
    """

    fit: Fit
    name: str

    @cached_property
    def inputs(self) -> dict[str, Array]:
        return {i: np.asarray(self.fit.runs[i], float) for i in self.fit.law.inputs}

    @cached_property
    def _scale(self) -> tuple[str, Array]:
        return scale_of(self.inputs, self.fit.law)

    @property
    def scale(self) -> Array:
        """Scale of each run, shape (n,)."""
        return self._scale[1]

    @property
    def scale_title(self) -> str:
        """The scale's name with its unit, for an axis."""
        name = self._scale[0]
        if name == "C" and "C" not in self.inputs:
            return "compute 6ND (FLOPs)"
        return titled(self.fit.runs, name)

    @property
    def observed(self) -> Array:
        return self.fit.problem.y

    @cached_property
    def predicted(self) -> Array:
        return np.asarray(self.fit.problem.predict(self.fit.theta[None, :])[0])

    @property
    def output_title(self) -> str:
        """The output with its unit, for an axis."""
        return titled(self.fit.runs, self.fit.law.predicts)

    @cached_property
    def error(self) -> Array:
        """Observed against predicted: in per cent for log residuals, else the difference."""
        return -100 * self.fit.residuals if self.fit.spec.log_residual else -self.fit.residuals

    @property
    def error_unit(self) -> str:
        if self.fit.spec.log_residual:
            return "%"
        return unit(self.fit.runs, self.fit.law.predicts)

    @property
    def sigma(self) -> float:
        """Noise of one run in the unit of `error`."""
        return self.fit.sigma * (100 if self.fit.spec.log_residual else 1)

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups; empty for a fit without."""
        return tuple(sorted(set(self._labels.tolist())))

    @cached_property
    def _labels(self) -> NDArray[np.object_]:
        by = self.fit.spec.by
        if by is None:
            return np.array([], object)
        cells = self.fit.runs[by]
        return np.array([f"{v:g}" if isinstance(v, float) else str(v) for v in cells], object)

    @cached_property
    def drawn(self) -> NDArray[np.intp]:
        """Which runs are drawn."""
        columns = [self.error, self.observed, *self.inputs.values(), self.scale]
        return thin(np.stack(columns, axis=1))

    @property
    def thinned(self) -> str:
        """What to say where not every run is drawn; else empty."""
        n, m = len(self.observed), len(self.drawn)
        if m == n:
            return ""
        return (
            f" {m:,} of {n:,} runs are drawn: an even sample, with the largest, the smallest and "
            "the worst fitted kept."
        )

    @property
    def outliers(self) -> NDArray[np.bool_]:
        """Which of all runs are labelled: at most five, beyond 4 sigma."""
        r = np.abs(self.fit.residuals)
        limit = 4 * max(1.4826 * float(np.median(r)), 1e-12)
        far = np.zeros(len(r), bool)
        order = np.argsort(-r)[:5]
        far[order] = r[order] > limit
        return far

    def label(self, k: int) -> str:
        """How the user would find run `k`."""
        runs = self.fit.runs
        return f"row {runs.rows[k]}" + (f", {short(runs['run'][k], 30)}" if "run" in runs else "")

    @cached_property
    def data(self) -> dict[str, list[Spec]]:
        """The data set: fields x (scale), y, p (predicted), e (error), at, run, g, i0, i1..."""
        k, far = self.drawn, self.outliers
        runs, names = self.fit.runs, list(self.inputs)
        columns = {
            "x": self.scale[k],
            "y": self.observed[k],
            "p": self.predicted[k],
            "e": self.error[k],
            "at": [format_place({n: self.inputs[n][i] for n in names}) for i in k],
            "run": [self.label(int(i)) for i in k],
            "far": [f"row {runs.rows[i]}" if far[i] else "" for i in k],
        }
        if len(names) > 1:
            columns |= {f"i{j}": self.inputs[n][k] for j, n in enumerate(names)}
        if self.fit.spec.by is not None:
            columns["g"] = [short(self._labels[i], 40) for i in k]
        return {self.name: rows(**columns)}

    @property
    def colour(self) -> Spec:
        """Colour of a run: its group, or else its size where two inputs vary, or one colour."""
        if self.fit.spec.by is not None:
            names = [short(g, 40) for g in self.groups]
            if len(names) <= len(GROUPS):
                scale = {"domain": names, "range": list(GROUPS[: len(names)])}
                return {
                    "field": "g", "type": "nominal", "scale": scale,
                    "legend": {"title": short(self.fit.spec.by), "symbolOpacity": 1},
                }  # fmt: skip
        if len(self.inputs) > 1 and (next(iter(self.inputs.values())) > 0).all():
            return by_size("i0", titled(self.fit.runs, next(iter(self.inputs))))
        return {"value": GREY}
