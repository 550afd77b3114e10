"""What a schedule is: a shape over the run, after a linear warm-up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        source: The paper.
        shape: Share of the peak rate at the steps after the warm-up, from step / steps in
            [0, 1) of shape (m,), the first of them and the settings; shape (m,).
        settings: Defaults of the settings.
        finishes: The rate ends near zero, so that the last loss may be compared with other
            runs'; a schedule that does not finish leaves a loss that a decay would lower.
    """

    name: str
    what: str
    source: str
    shape: Callable[..., Array]
    settings: Mapping[str, float] = field(default_factory=dict)
    finishes: bool = True

    def factors(self, steps: int, *, warmup: int = 0, **settings: float | str) -> Array:
        """Share of the peak rate at every step, shape (steps,).

        Args:
            steps: Steps of the run.
            warmup: Steps of linear rise from peak / warmup to the peak, first of all.
            settings: As `settings`, where not the default.

        Raises:
            BadOption: If a setting is unknown, or the numbers make no run.
        """
        if steps < 1 or not 0 <= warmup <= steps:
            raise BadOption(f"{warmup} steps of warm-up in a run of {steps}", fix="use fewer")
        if stray := set(settings) - set(self.settings):
            known = ", ".join(self.settings) or "no settings"
            raise BadOption(
                f"schedule '{self.name}' has no setting {', '.join(sorted(stray))}",
                fix=f"it has {known}",
            )
        # A step's rate is that of its start: the last step still moves, and then it is over.
        at = np.arange(steps) / steps
        rise = (np.arange(warmup) + 1.0) / max(warmup, 1)
        rest = self.shape(at[warmup:], warmup / steps, **{**self.settings, **settings})
        return np.concatenate([rise, np.asarray(rest, float)])
