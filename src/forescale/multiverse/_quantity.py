"""The number that every universe gives: an exponent, a parameter, or a forecast."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption, NotReached
from forescale.fit.isoflop import approach2
from forescale.fit.optimum import best_size
from forescale.laws import Law
from forescale.quantities import format_number
from forescale.runs import RunTable, compute

Array = NDArray[np.float64]

#: Parameters that are asked of a law without a trade between size and data, first found.
EXPONENTS = ("alpha", "beta", "a", "b", "c")
#: Half the distance in log compute over which the exponent is taken.
STEP = 0.25


class Quantity(ABC):
    """A number that a fitted law tells, and perhaps the runs themselves."""

    name: str
    words: str
    #: Whether universes are set apart by factors rather than by differences.
    factors: bool = False

    @abstractmethod
    def applies(self, law: Law) -> bool:
        """Whether a law has it."""

    @abstractmethod
    def of_law(self, law: Law, natural: Array) -> Array:
        """Values, shape (K,), for parameters in the user's units, shape (K, p); NaN for none."""

    def of_runs(self, runs: RunTable, level: float) -> tuple[float, float, float]:
        """Value and interval from iso-FLOP parabolas.

        Raises:
            NotReached: If they cannot tell.
        """
        raise NotReached(f"parabolas do not tell {self.name}", where=runs.source)


@dataclass(frozen=True)
class Exponent(Quantity):
    """a in N_opt ~ C^a: how the compute-optimal size grows with the budget C = 6 N D.

    Args:
        flops: Budget at which it is taken; it matters where the law's optimum bends.
    """

    flops: float
    name = "a"

    @property
    def words(self) -> str:  # type: ignore[override]
        """What it is."""
        return f"exponent of the compute-optimal size, N_opt ~ C^a, at C = {self.flops:.2g} FLOPs"

    def applies(self, law: Law) -> bool:
        """Whether the law, at its typical values, trades N for D."""
        if set(law.inputs) != {"N", "D"}:
            return False
        if not law.typical:
            return True
        theta = law.theta(law.typical)[None]
        n, d = (float(np.sqrt(np.prod(law.domain.get(i, (1e7, 1e11))))) for i in ("N", "D"))
        _, best = best_size(lambda x, y: law.predict({"N": x, "D": y}, theta), 6 * n * d, n)
        away = law.predict({"N": n * np.array([1e-3, 1e3]), "D": d * np.array([1e3, 1e-3])}, theta)
        return bool(best[0] < 0.999 * away.min())

    def of_law(self, law: Law, natural: Array) -> Array:
        """The slope of log N_opt in log C, over a factor of e^0.5 in C."""

        def surface(n: Array, d: Array) -> Array:
            return law.predict({"N": n, "D": d}, natural)

        # Six decades of size either way reach every optimum there is around one token per
        # parameter to a million.
        middle = np.sqrt(self.flops / 120.0)
        up, _ = best_size(surface, self.flops * np.exp(STEP), middle)
        down, _ = best_size(surface, self.flops * np.exp(-STEP), middle)
        return np.asarray(np.log(up / down) / (2 * STEP))

    def of_runs(self, runs: RunTable, level: float) -> tuple[float, float, float]:
        """The slope through the vertices of the parabolas."""
        found = approach2(runs, self.flops, level=level)
        if isinstance(found, str):
            raise NotReached(found)
        return found.exponent


@dataclass(frozen=True)
class Parameter(Quantity):
    """A parameter of the law, in the user's units.

    Args:
        name: Its name.
        factors: Whether it is a scale, whose values are told apart by their logs.
    """

    name: str
    factors: bool = False

    @property
    def words(self) -> str:  # type: ignore[override]
        """What it is."""
        return f"parameter {self.name} of the law"

    def applies(self, law: Law) -> bool:
        """Whether the law has a parameter of that name."""
        return self.name in law.names

    def of_law(self, law: Law, natural: Array) -> Array:
        """The parameter itself."""
        return np.asarray(natural[:, law.names.index(self.name)])


@dataclass(frozen=True)
class Forecast(Quantity):
    """What the law predicts at a place.

    Args:
        name: Name of what comes out, such as "L".
        inputs: The place.
    """

    name: str
    inputs: tuple[tuple[str, float], ...]

    @property
    def words(self) -> str:  # type: ignore[override]
        """What it is."""
        place = ", ".join(f"{n} = {format_number(v)}" for n, v in self.inputs)
        return f"forecast of {self.name} at {place}"

    def applies(self, law: Law) -> bool:
        """Whether the place has all that the law reads."""
        return law.predicts == self.name and set(law.inputs) <= {n for n, _ in self.inputs}

    def of_law(self, law: Law, natural: Array) -> Array:
        """The prediction."""
        given = dict(self.inputs)
        with np.errstate(all="ignore"):
            out = law.predict({i: np.array([given[i]]) for i in law.inputs}, natural)
        return np.asarray(out[:, 0])


def quantity(of: str | None, at: Mapping[str, float], law: Law, runs: RunTable) -> Quantity:
    """What the user asks of every universe.

    Args:
        of: "exponent", a parameter's name, the law's output such as "L", or None for the
            first of: a forecast where a place is given, the exponent, the law's own exponent.
        at: The place: inputs of the law; or C for the exponent.
        law: The law of the default analysis.
        runs: The runs, whose middle compute is where the exponent is taken by default.

    Raises:
        BadOption: If the law has none such, or the place lacks an input.
    """
    for name, value in at.items():
        if not (np.isfinite(value) and value > 0):
            raise BadOption(f"{name} is {value:g}", fix="give a positive number, such as 7e9")
    trades = Exponent(1e20)
    if of in (None, law.predicts) and set(law.inputs) <= set(at):
        return Forecast(law.predicts, tuple((i, float(at[i])) for i in law.inputs))
    if of == law.predicts or (of is None and set(at) - {"C"}):
        missing = ", ".join(i for i in law.inputs if i not in at)
        raise BadOption(
            f"a forecast by law '{law.name}' needs {missing} too",
            fix="as in --N 70B --D 1.4T",
        )
    if of in ("exponent", "a") and not (of == "a" and "a" in law.names):
        if not trades.applies(law):
            raise BadOption(
                f"law '{law.name}' does not trade N for D, so it has no compute-optimal exponent",
                fix=f"ask for a parameter with --of: {', '.join(law.names)}",
            )
        return Exponent(_middle(at, runs))
    if of is None and trades.applies(law):
        return Exponent(_middle(at, runs))
    if of is None:
        of = next((n for n in EXPONENTS if n in law.names), None)
    if of not in law.names:
        raise BadOption(
            f"law '{law.name}' has no parameter '{of}'" if of else "it is not said what to look at",
            where="--of",
            fix=f"one of {', '.join(law.names)}, exponent, or {law.predicts} with a place",
        )
    return Parameter(str(of), factors=law.coordinate(str(of)) == "log")


def _middle(at: Mapping[str, float], runs: RunTable) -> float:
    if "C" in at:
        return float(at["C"])
    flops = compute(runs)
    good = flops[np.isfinite(flops) & (flops > 0)]
    return float(np.exp(0.5 * np.log(good.min() * good.max())))
