"""Waiting times of runs whose end is known, told to a run by how near it stands to each of them.

What is measured is first made one number, the time that an accelerated failure model expects;
each known run then speaks from the step at which it looked most like the one that is asked about,
with a weight that falls with the distance. So the shape of the answer, and the share that never
comes, are those seen, and not the model's. Known runs are placed by models that were fitted
without their task: a forecast is for a task that is not among them, and its doubt must be so, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forescale.emergence.events import _accelerated, _signs
from forescale.emergence.events.partial_run import steps_of

Array = NDArray[np.float64]

#: Steps at which a known run is read, per factor of ten, and the first of them.
PER_DECADE, FIRST = 6, 8.0
#: Penalty on effects, known runs within reach of the weights, and the weight of those beyond.
RIDGE, NEAR, FAR = 3.0, 30, 0.01


@dataclass(frozen=True)
class Known:
    """A run that is over.

    Args:
        task: What it learnt; runs of one task are held out together.
        steps: Steps of its points, shape (n,).
        curves: Curves by name, each of shape (n,).
        settings: Its settings.
        time: Step of the event, or the last step where there was none.
        came: Whether there was one.
    """

    task: str
    steps: Array
    curves: Mapping[str, Array]
    settings: Mapping[str, float]
    time: float
    came: bool

    @cached_property
    def landmarks(self) -> tuple[tuple[float, Mapping[str, float]], ...]:
        """Steps before its event at which it is read, with its signs there."""
        count = max(1, round(PER_DECADE * np.log10(max(self.time / FIRST, 1.01))))
        return tuple(
            (float(u), _signs.signs(self.steps, self.curves, u, self.settings))
            for u in np.geomspace(FIRST, self.time, count, endpoint=False)
        )


class Teller:
    """Known runs made ready to tell of others.

    Args:
        known: The runs.
        names: Signs that are read.
    """

    def __init__(self, known: Sequence[Known], names: Sequence[str]) -> None:
        self.known = [k for k in known if k.time > FIRST]
        self.names = tuple(names)

    @cached_property
    def _rows(self) -> tuple[Array, Array, NDArray[np.bool_], NDArray[np.int64]]:
        """Signs, log of the time still to wait over the time waited, whether it came, whose."""
        found, logs, came, whose = [], [], [], []
        for i, run in enumerate(self.known):
            for until, signs in run.landmarks:
                found.append(signs)
                logs.append(np.log(run.time / until))
                came.append(run.came)
                whose.append(i)
        return (
            _signs.table(found, self.names), np.array(logs), np.array(came), np.array(whose)
        )  # fmt: skip

    def _fitted(self, kept: NDArray[np.bool_]) -> _accelerated.Accelerated:
        x, logs, came, whose = self._rows
        # Every run counts once, however many steps it is read at.
        each = np.bincount(whose, minlength=len(self.known))
        weight = 1.0 / each[whose]
        return _accelerated.fit(x[kept], logs[kept], came[kept], weight[kept], ridge=RIDGE)

    @cached_property
    def model(self) -> _accelerated.Accelerated:
        """The model of all known runs."""
        return self._fitted(np.ones(len(self._rows[1]), bool))

    @cached_property
    def _places(self) -> Array:
        """The index of every row, by a model that did not see its task."""
        x, _, _, whose = self._rows
        tasks = np.array([k.task for k in self.known])[whose]
        if len(set(tasks)) < 2:
            return self.model.index(x)
        out = np.empty(len(x))
        for task in sorted(set(tasks)):
            mine = tasks == task
            out[mine] = self._fitted(~mine).index(x[mine])
        return out

    def outside(self, read: Mapping[str, float]) -> tuple[str, ...]:
        """Signs that lie beyond those of all known runs."""
        x = self._rows[0]
        own = _signs.table([read], self.names)[0]
        low, high = np.nanmin(x, axis=0), np.nanmax(x, axis=0)
        return tuple(
            n for n, far in zip(self.names, (own < low) | (own > high), strict=True) if far
        )

    def tell(self, read: Mapping[str, float]) -> tuple[Array, float]:
        """Log of the event's step over the present one, at even shares, and the runs it rests on.

        Args:
            read: Signs of the run that is asked about.

        Returns:
            Ascending, infinite where it is not told; and how many runs of equal weight say as
            much.
        """
        _, logs, came, whose = self._rows
        place = float(self.model.index(_signs.table([read], self.names))[0])
        far = np.abs(self._places - place)
        # Rows are grouped by run, in order: the nearest of each.
        best = np.full(len(self.known), np.inf)
        np.minimum.at(best, whose, far)
        hits = np.flatnonzero(far == best[whose])
        rows = hits[np.unique(whose[hits], return_index=True)[1]]
        reach = np.sort(far[rows])[min(NEAR, len(rows)) - 1] + 1e-9
        weight = np.maximum(1 - (far[rows] / reach) ** 2, 0) + FAR
        curve = steps_of(logs[rows], came[rows], weight)
        return curve, float(weight.sum() ** 2 / (weight @ weight))


def waited(known: Sequence[Known], until: float) -> tuple[Array, float]:
    """The same from the times alone, of all runs that were still without the event by a step."""
    later = [k for k in known if k.time > until]
    if not later:
        return np.full(1, np.inf), 0.0
    logs = np.log([k.time / until for k in later])
    came = np.array([k.came for k in later])
    return steps_of(logs, came, np.ones(len(later))), float(len(later))
