"""Which parameters move when an input is counted in other units: declared, or read off."""

from __future__ import annotations

from collections.abc import Sequence

from forescale.maths.formula import Expr, derivative, number, substitute, symbol
from forescale.maths.formula.tree import call


def inferred_powers(
    tree: Expr, inputs: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, Expr]]:
    """For each scale among the parameters, the power of each input's unit that it holds.

    In logs a scale stands beside the inputs it scales, as in exp(log A - alpha log N): a
    shift of log N is made up for by a shift of log A.
    """
    exponents = exponent_names(tree)
    scales = {n: symbol(f"log {n}") for n in names if n not in exponents}
    logs = {i: symbol(f"log {i}") for i in inputs}
    in_logs = substitute(tree, {n: call("exp", (s,)) for n, s in {**scales, **logs}.items()})
    found: dict[str, dict[str, Expr]] = {}
    seen: set[Expr] = set()
    stack = [in_logs]
    while stack:
        e = stack.pop()
        if e in seen:
            continue
        seen.add(e)
        stack.extend(e.args)
        if e.op != "exp":
            continue
        held = {n: _linear_coefficient(e.args[0], s.name) for n, s in scales.items()}
        owners = [n for n, c in held.items() if c is not None and not _is_zero(c)]
        for n in owners[:1]:
            c = held[n]
            assert c is not None
            powers = {}
            for i, s in logs.items():
                x = _linear_coefficient(e.args[0], s.name)
                if x is not None and not _is_zero(x):
                    powers[i] = -(x / c)
            found.setdefault(n, powers)
    return found


def exponent_names(tree: Expr) -> frozenset[str]:
    """Symbols that stand in an exponent or inside an exponential."""
    found: frozenset[str] = frozenset()
    stack = [tree]
    while stack:
        e = stack.pop()
        if e.op == "pow":
            found |= e.args[1].symbols
        elif e.op == "exp":
            found |= e.args[0].symbols
        stack.extend(e.args)
    return found


def factors(unit: Expr) -> list[tuple[str, Expr]]:
    """The (base, power) pairs of a unit written as a product."""
    out = []
    for f in unit.args if unit.op == "mul" else (unit,):
        base, power = f.args if f.op == "pow" else (f, number(1))
        if base.op == "sym":
            out.append((base.name, power))
    return out


def _is_zero(e: Expr) -> bool:
    return e.op == "num" and e.value == 0.0


def _linear_coefficient(e: Expr, name: str) -> Expr | None:
    """The factor of `name` in a sum linear in it; None where it is not linear."""
    d = derivative(e, name)
    return None if any(s.startswith("log ") for s in d.symbols) else d
