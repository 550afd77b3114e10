"""A law's formula in fitting coordinates, with its derivatives, as tapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement

from forescale.fit._program import Program
from forescale.laws import Law
from forescale.maths.formula import Expr, Tape, derivative, number, substitute, symbol
from forescale.maths.formula.tree import call


@dataclass(frozen=True)
class Compiled:
    """A law in fitting coordinates: tapes for values, gradients and Hessians."""

    value: Tape | Program
    slope: Tape | Program
    curve: Tape | Program
    pairs: tuple[tuple[int, int], ...]
    linear: tuple[int, ...] = ()
    basis: Tape | None = None


def _log_name(name: str) -> str:
    return f"log {name}"


@lru_cache(maxsize=256)
def compile_law(law: Law, coordinates: tuple[str, ...], logged: tuple[str, ...]) -> Compiled:
    """Symbolic work of a fit, done once per law and choice of coordinates."""
    if law.program is not None:
        slope = Program(law, coordinates, logged, slopes=True)
        return Compiled(Program(law, coordinates, logged, slopes=False), slope, slope, ())
    into: dict[str, Expr] = {i: call("exp", (symbol(_log_name(i)),)) for i in logged}
    moved = [_log_name(i) if i in logged else i for i in law.inputs]
    names = []
    for n, c in zip(law.names, coordinates, strict=True):
        names.append(_log_name(n) if c == "log" else n)
        if c == "log":
            into[n] = call("exp", (symbol(_log_name(n)),))
    tree = substitute(law.tree, into)
    symbols = (*moved, *names)
    rank = dict.fromkeys(moved, 1) | dict.fromkeys(names, 2)
    first = [derivative(tree, n) for n in names]
    pairs, second = [], []
    for i, j in combinations_with_replacement(range(len(names)), 2):
        d = derivative(first[i], names[j])
        if not (d.op == "num" and d.value == 0.0):
            pairs.append((i, j))
            second.append(d)
    # Coefficients that enter linearly (in natural coordinates) are eliminated in the starts.
    natural = substitute(law.tree, {i: into[i] for i in logged})
    linear = _linear_set(natural, law.names)
    zero = {law.names[i]: number(0.0) for i in linear}
    basis = [derivative(natural, law.names[i]) for i in linear]
    rank_natural = dict.fromkeys(moved, 1) | dict.fromkeys(law.names, 2)
    return Compiled(
        value=Tape([tree], symbols, rank=rank),
        slope=Tape([tree, *first], symbols, rank=rank),
        curve=Tape([tree, *first, *second], symbols, rank=rank),
        pairs=tuple(pairs),
        linear=linear,
        basis=Tape([substitute(natural, zero), *basis], (*moved, *law.names), rank=rank_natural),
    )


def _linear_set(tree: Expr, names: Sequence[str]) -> tuple[int, ...]:
    """A largest set of parameters in which the law is jointly linear, found greedily."""
    first = {n: derivative(tree, n) for n in names}
    chosen: list[str] = []
    for n in names:
        if not first[n].symbols & {n, *chosen}:
            chosen.append(n)
    return tuple(names.index(n) for n in chosen)
