"""Exact derivatives and substitution."""

from __future__ import annotations

from collections.abc import Mapping

from forescale.maths.formula import tree
from forescale.maths.formula.tree import ONE, TWO, ZERO, Expr, add, call, mul, power


def derivative(e: Expr, name: str, _memo: dict[Expr, Expr] | None = None) -> Expr:
    """Derivative of `e` by `name`, sharing every part it can with `e`."""
    memo = {} if _memo is None else _memo
    if name not in e.symbols:
        return ZERO
    known = memo.get(e)
    if known is not None:
        return known

    def d(x: Expr) -> Expr:
        return derivative(x, name, memo)

    a = e.args[0] if e.args else e
    match e.op:
        case "sym":
            out = ONE
        case "add":
            out = add(d(x) for x in e.args)
        case "mul":
            out = add(
                mul((*e.args[:i], d(x), *e.args[i + 1 :]))
                for i, x in enumerate(e.args)
                if name in x.symbols
            )
        case "pow":
            base, exponent = e.args
            terms = []
            if name in base.symbols:
                terms.append(mul((exponent, power(base, exponent - ONE), d(base))))
            if name in exponent.symbols:
                terms.append(mul((e, call("log", (base,)), d(exponent))))
            out = add(terms)
        case "exp":
            out = e * d(a)
        case "log":
            out = d(a) / a
        case "log1p":
            out = d(a) / (ONE + a)
        case "expm1":
            out = call("exp", (a,)) * d(a)
        case "tanh":
            out = (ONE - e * e) * d(a)
        case "sigmoid":
            out = e * (ONE - e) * d(a)
        case "softplus":
            out = call("sigmoid", (a,)) * d(a)
        case "abs":
            out = call("sign", (a,)) * d(a)
        case "sign":
            out = ZERO
        case "max" | "min":
            # Half the sum plus or minus half the distance: at a tie the mean of both sides.
            x, y = e.args
            ahead = call("sign", (x - y if e.op == "max" else y - x,))
            out = ((ONE + ahead) * d(x) + (ONE - ahead) * d(y)) / TWO
        case _:
            raise AssertionError(f"no rule for {e.op}")
    memo[e] = out
    return out


def substitute(e: Expr, values: Mapping[str, Expr], _memo: dict[Expr, Expr] | None = None) -> Expr:
    """`e` with each symbol in `values` replaced, simplified again on the way up."""
    memo = {} if _memo is None else _memo
    if e.op == "sym":
        return values.get(e.name, e)
    if not e.args or e.symbols.isdisjoint(values):
        return e
    if e not in memo:
        args = tuple(substitute(a, values, memo) for a in e.args)
        match e.op:
            case "add":
                memo[e] = add(args)
            case "mul":
                memo[e] = mul(args)
            case "pow":
                memo[e] = power(*args)
            case _:
                memo[e] = tree.call(e.op, args)
    return memo[e]
