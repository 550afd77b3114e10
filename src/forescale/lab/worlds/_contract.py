"""What a world is: runs that can be simulated, and what theory says they must show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.runs import RunTable

Array = NDArray[np.float64]


class Simulate(Protocol):
    """A table of runs; the same seed and settings give the same table."""

    def __call__(self, *, seed: int, **settings: float) -> RunTable: ...


class Theory(Protocol):
    """What the runs of a table would measure without noise, shape (rows,)."""

    def __call__(self, runs: RunTable, **settings: float) -> Array: ...


class Exponents(Protocol):
    """Parameters of `World.law` that theory tells, by name."""

    def __call__(self, **settings: float) -> Mapping[str, float]: ...


@dataclass(frozen=True)
class World:
    """A model simple enough to be solved, as a source of runs with a known answer.

    Args:
        name: The word users type; the file's name.
        what: What is simulated, one sentence.
        source: The paper that solves it.
        simulate: Runs of the world.
        theory: The theory's values at the rows of a table.
        predicts: Column that is simulated and predicted.
        law: Formula (or name of a law) that the runs follow in their asymptotic range.
        exponents: Values of that law's exponents by theory.
        where: Rows in which the law holds (asymptotic range, one regime), as `RunTable.where`
            takes it; empty for all.
        settings: Defaults of the settings.
        tolerance: Largest relative error of the simulation against theory that is noise, as
            the median over rows.
    """

    name: str
    what: str
    source: str
    simulate: Simulate
    theory: Theory
    predicts: str
    law: str
    exponents: Exponents
    where: str = ""
    settings: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 0.05

    def runs(self, *, seed: int = 0, **settings: float) -> RunTable:
        """A simulated table under the given settings, the rest at their defaults.

        Raises:
            BadOption: If a setting is unknown.
        """
        return self.simulate(seed=seed, **self._all(settings))

    def curve(self, runs: RunTable, **settings: float) -> Array:
        """The theory's values at the rows of a table, shape (rows,)."""
        return self.theory(runs, **self._all(settings))

    def truth(self, **settings: float) -> Mapping[str, float]:
        """The law's exponents by theory."""
        return self.exponents(**self._all(settings))

    def _all(self, settings: Mapping[str, float]) -> dict[str, float]:
        if stray := set(settings) - set(self.settings):
            raise BadOption(
                f"world '{self.name}' has no setting {', '.join(sorted(stray))}",
                fix=f"it has {', '.join(self.settings)}",
            )
        return {**self.settings, **settings}
