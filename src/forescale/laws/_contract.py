"""What a law is: a formula with named, bounded, unit-bearing parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadFormula, BadOption
from forescale.laws._units import factors, inferred_powers
from forescale.maths.formula import (
    Expr,
    Tape,
    latex,
    number,
    parse,
    substitute,
    symbol,
    text,
)
from forescale.maths.formula.show import latex_name
from forescale.quantities import unit_of

Array = NDArray[np.float64]
Coordinate = Literal["log", "linear"]


@dataclass(frozen=True)
class Param:
    """One parameter of a law.

    Args:
        name: As it stands in the formula.
        unit: Its unit, an expression over unit names and parameters, such as
            "nats/token * tokens^beta". The fit uses it to move the law to the middle of
            the data: a parameter whose unit holds `tokens^beta` is divided by D0^beta when
            tokens are counted in D0.
        lower: Least value allowed.
        upper: Largest value allowed; may be infinite.
        meaning: One phrase for the user.
        start: Range in which starts of the fit are drawn, with the inputs in units of their
            geometric mean; by default from the bounds and the kind of parameter.
        by_factors: Whether the fit moves its log, as it does for every scale: of an amplitude
            that stands beside exponents, though its unit moves with no input.
    """

    name: str
    unit: str
    lower: float
    upper: float
    meaning: str = ""
    start: tuple[float, float] | None = None
    by_factors: bool = False

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise BadOption(
                f"parameter {self.name} has bounds [{self.lower:g}, {self.upper:g}]",
                fix="the lower bound must lie below the upper one",
            )
        if self.by_factors and not self.lower > 0:
            raise BadOption(
                f"parameter {self.name} moves by factors from {self.lower:g}",
                fix="give it a lower bound above zero",
            )


@dataclass(frozen=True)
class Law:
    """A scaling law: what it predicts, from what, with which parameters.

    Args:
        name: The word users type; the file's name.
        formula: The single source of prediction, derivatives, LaTeX and help.
        inputs: Canonical names of the scale variables, such as ("N", "D").
        predicts: Canonical name of what comes out, such as "L".
        params: The parameters, each standing in the formula.
        source: Paper (authors, year, title) that states the law.
        summary: One line: what the law says.
        when: When to use it and what it needs.
        guess: Optional start of the fit: (inputs..., values) -> {parameter: value}.
        typical: Published or typical values, used to simulate the law and to explain it.
        domain: Range of each input in which `typical` was found, for simulation.
        units: Unit of each input where it differs from the quantity's own.
        residual: "log" where the law predicts something positive whose relative error
            matters (losses), "raw" where it may be zero or negative (scores).
        program: Only for a law that no formula can say: (inputs, theta) -> values.
        slopes: Its values and derivatives by each parameter, if it can tell them: without,
            the fit takes differences.
    """

    name: str
    formula: str
    inputs: tuple[str, ...]
    predicts: str
    params: tuple[Param, ...]
    source: str
    summary: str = ""
    when: str = ""
    guess: Callable[..., Mapping[str, float]] | None = None
    typical: Mapping[str, float] = field(default_factory=dict)
    domain: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    residual: Literal["log", "raw"] = "log"
    program: Callable[[Mapping[str, Array], Array], Array] | None = None
    slopes: Callable[[Mapping[str, Array], Array], Sequence[Array]] | None = None

    def __post_init__(self) -> None:
        names = [p.name for p in self.params]
        twice = {n for n in names if names.count(n) > 1} | (set(names) & set(self.inputs))
        if twice:
            raise BadFormula(f"{', '.join(sorted(twice))} is named twice", where=f"law {self.name}")
        if self.program is None:
            used = self.tree.symbols
            if stray := used - set(names) - set(self.inputs):
                raise BadFormula(
                    f"{', '.join(sorted(stray))} is neither an input nor a parameter",
                    where=f"law {self.name}",
                )
            if idle := (set(names) | set(self.inputs)) - used:
                raise BadFormula(
                    f"{', '.join(sorted(idle))} does not stand in the formula {self.formula!r}",
                    where=f"law {self.name}",
                )

    # A law is identified by what it says; callables and trees do not enter.
    def __hash__(self) -> int:
        return hash((self.name, self.formula, self.params, self.inputs))

    @cached_property
    def tree(self) -> Expr:
        """The formula as an expression tree; of an equation, left minus right."""
        left, equals, right = self.formula.partition("=")
        return parse(left) - parse(right) if equals else parse(left)

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names in order."""
        return tuple(p.name for p in self.params)

    def param(self, name: str) -> Param:
        """The parameter called `name`."""
        return self.params[self.names.index(name)]

    @property
    def latex(self) -> str:
        """The law as a LaTeX equation; a program's law is shown as it is solved."""
        args = ", ".join(latex_name(i) for i in self.inputs)
        left, equals, right = self.formula.partition("=")
        if equals:
            return f"{latex(parse(left))} = {latex(parse(right))}"
        return f"{latex_name(self.predicts)}({args}) = {latex(self.tree)}"

    @cached_property
    def _tape(self) -> Tape:
        return Tape([self.tree], [*self.inputs, *self.names])

    def theta(self, values: Mapping[str, float]) -> Array:
        """Parameter values as an array, shape (p,), in the law's order.

        Raises:
            BadOption: If a value is missing or has no place in the law.
        """
        if set(values) != set(self.names):
            raise BadOption(
                f"law '{self.name}' has the parameters {', '.join(self.names)}, "
                f"given were {', '.join(sorted(values)) or 'none'}"
            )
        return np.array([float(values[n]) for n in self.names])

    def predict(
        self, inputs: Mapping[str, ArrayLike], theta: Mapping[str, float] | ArrayLike
    ) -> Array:
        """Predictions, shape (..., n) for inputs of shape (n,) and parameters (..., p)."""
        t = self.theta(theta) if isinstance(theta, Mapping) else np.asarray(theta, float)
        x = {k: np.asarray(inputs[k], float) for k in self.inputs}
        if self.program is not None:
            return np.asarray(self.program(x, t), float)
        scalar = all(v.ndim == 0 for v in x.values())
        columns = [t[..., i] if scalar else t[..., i, None] for i in range(len(self.params))]
        with np.errstate(all="ignore"):
            (out,) = self._tape(*x.values(), *columns)
        shape = np.broadcast_shapes(*(np.shape(v) for v in (*x.values(), *columns)))
        return np.array(np.broadcast_to(out, shape), float)

    def fixed(self, values: Mapping[str, float]) -> Law:
        """The law with some parameters set to numbers, which then stand in its formula.

        Raises:
            BadOption: If a name is no parameter, or no parameter would be left.
        """
        if stray := set(values) - set(self.names):
            raise BadOption(
                f"{', '.join(sorted(stray))} is no parameter of law '{self.name}'",
                fix=f"it has {', '.join(self.names)}",
            )
        if not values:
            return self
        if len(values) == len(self.params):
            raise BadOption("every parameter is fixed", fix="leave one free to be fitted")
        numbers = {n: number(float(v)) for n, v in values.items()}

        def put(formula: str) -> str:
            return text(substitute(parse(formula), numbers)) if formula else formula

        return replace(
            self,
            formula=put(self.formula),
            params=tuple(replace(p, unit=put(p.unit)) for p in self.params if p.name not in values),
            typical={n: v for n, v in self.typical.items() if n not in values},
            guess=None,
        )

    def along(self, variable: str, *, predicts: str | None = None) -> Law:
        """The same law in another scale variable: one power law serves C, D, N and n.

        Args:
            variable: The input that takes the place of the law's only one.
            predicts: What comes out, where that differs too.

        Raises:
            BadOption: If the law has several inputs, or is a program.
        """
        if len(self.inputs) != 1 or self.program is not None:
            raise BadOption(f"law '{self.name}' has no single variable that could be {variable}")
        (old,) = self.inputs
        new_unit = unit_of(variable)
        renamed = {old: symbol(variable)}
        in_unit = {self.unit_of_input(old): symbol(new_unit)}
        return replace(
            self,
            formula=text(substitute(self.tree, renamed)),
            inputs=(variable,),
            predicts=predicts or self.predicts,
            params=tuple(
                replace(p, unit=text(substitute(parse(p.unit), in_unit)) if p.unit else "")
                for p in self.params
            ),
            typical={} if variable != old else self.typical,
            domain={} if variable != old else self.domain,
            guess=None,
            units={},
        )

    def bounded(self, bounds: Mapping[str, tuple[float, float]]) -> Law:
        """The law with other bounds on some parameters."""
        if stray := set(bounds) - set(self.names):
            raise BadOption(
                f"bounds for {', '.join(sorted(stray))}, no parameter of law '{self.name}'",
                fix=f"it has {', '.join(self.names)}",
            )
        if not bounds:
            return self
        return replace(
            self,
            params=tuple(
                replace(p, lower=bounds[p.name][0], upper=bounds[p.name][1])
                if p.name in bounds
                else p
                for p in self.params
            ),
        )

    def unit_of_input(self, name: str) -> str:
        """Unit in which the input is counted; its own name where nothing is known of it."""
        return self.units.get(name) or unit_of(name) or name

    @cached_property
    def scales(self) -> dict[str, str]:
        """For each input that may be counted in other units: the input that sets the unit.

        Inputs of one unit are counted alike, since a law may hold their ratio (D/U). A pure
        number (unit "1": a proportion, a count with a natural one) is not in the list, nor,
        in a law typed by a user, is an input that no change of parameters can make up for,
        such as D in "a + b*log(D)".
        """
        groups: dict[str, list[str]] = {}
        for i in self.inputs:
            unit = self.unit_of_input(i)
            if unit != "1":
                groups.setdefault(unit, []).append(i)
        # Declared units are proven by the tests of the catalogue; inferred ones are not.
        trusted = all(p.unit for p in self.params)
        return {
            i: group[0]
            for group in groups.values()
            if trusted or self._follows(group)
            for i in group
        }

    def recount(self, theta: ArrayLike, factors: Mapping[str, float]) -> Array:
        """Parameters, shape (..., p), for inputs divided by `factors`.

        Args:
            theta: Parameters that hold for the inputs as they are.
            factors: By input; inputs that `scales` sends to one another need one factor.
        """
        t = np.asarray(theta, float)
        out = t.copy()
        columns = [t[..., i] for i in range(len(self.params))]
        for j, name in enumerate(self.names):
            for i, exponent in self.powers[name].items():
                if i in factors:
                    (value,) = Tape([exponent], self.names)(*columns)
                    out[..., j] = out[..., j] * factors[i] ** (-np.asarray(value, float))
        return out

    def _follows(self, group: Sequence[str]) -> bool:
        """Whether counting the inputs of `group` in another unit leaves predictions alone."""
        rng = np.random.default_rng(0)
        x = {i: rng.uniform(0.5, 2.0, 5) for i in self.inputs}
        low = np.array([max(p.lower, -1.5) for p in self.params])
        high = np.minimum([p.upper for p in self.params], low + 2.0)
        theta = low + (high - low) * rng.uniform(0.2, 0.8, (8, len(self.params)))
        factors = dict.fromkeys(group, 3.0)
        there = self.predict(x, theta)
        with np.errstate(all="ignore"):
            moved = self.recount(theta, factors)
            here = self.predict({i: v / factors.get(i, 1.0) for i, v in x.items()}, moved)
        known = np.isfinite(there)
        return bool(known.any()) and bool(
            np.allclose(here[known], there[known], rtol=1e-8, atol=1e-10)
        )

    @cached_property
    def powers(self) -> dict[str, dict[str, Expr]]:
        """For each parameter, the power of each input's unit that its own unit holds.

        With inputs counted in units s, the value of a parameter is divided by the product
        of s^power; the powers may depend on other parameters. Where inputs share a unit it
        stands under the first of them (see `scales`). Taken from the declared
        units, or read off the formula where a parameter has none (laws typed by a user).
        """
        declared: dict[str, str] = {}
        for i in self.inputs:
            declared.setdefault(self.unit_of_input(i), i)
        inferred = (
            inferred_powers(self.tree, self.inputs, self.names)
            if any(not p.unit for p in self.params)
            else {}
        )
        out: dict[str, dict[str, Expr]] = {}
        for p in self.params:
            if not p.unit:
                out[p.name] = inferred.get(p.name, {})
                continue
            held: dict[str, Expr] = {}
            for base, exponent in factors(parse(p.unit)):
                if base in declared:
                    held[declared[base]] = exponent
            out[p.name] = held
        return out

    def coordinate(self, name: str) -> Coordinate:
        """The coordinate in which the fit moves a parameter.

        Logs where the parameter is a scale (its unit moves with an input's) or is declared
        to move by factors: its size is then unknown by orders of magnitude. Otherwise the
        parameter itself, so that a floor of zero is a place the fit can reach.
        """
        p = self.param(name)
        scale = p.lower >= 0 and bool(self.powers[name])
        return "log" if scale or p.by_factors else "linear"

    def __repr__(self) -> str:
        return f"Law({self.name}: {self.predicts} = {self.formula}, {len(self.params)} parameters)"
