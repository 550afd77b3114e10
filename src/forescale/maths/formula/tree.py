"""Expression trees that simplify as they are built and share equal parts.

Two trees that are equal are the same object, so a derivative shares its parts with the
function it came from and each part is computed once.

Exponentials are merged (`exp(a) * exp(b)` is `exp(a + b)`) because a scaling law in log
coordinates is a sum of exponentials of linear forms: one `exp` per term is then all the
transcendental work there is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable

FUNCTIONS = (
    "exp",
    "log",
    "log1p",
    "expm1",
    "sqrt",
    "tanh",
    "sigmoid",
    "softplus",
    "abs",
    "min",
    "max",
)


class Expr:
    """One node: `op` with `args`, or a number (`value`), or a symbol (`name`).

    `positive` says that it is above zero wherever its symbols are.
    """

    __slots__ = ("args", "key", "name", "op", "positive", "symbols", "value")
    op: str
    args: tuple[Expr, ...]
    value: float
    name: str
    key: int
    positive: bool
    symbols: frozenset[str]

    def __repr__(self) -> str:
        from forescale.maths.formula.show import text

        return f"Expr({text(self)})"

    def __reduce__(self) -> tuple[object, ...]:
        # Equality is identity, so a copy that arrives in another process must be interned.
        return (_intern, (self.op, self.args, self.value, self.name))

    def __add__(self, other: Expr) -> Expr:
        return add((self, other))

    def __sub__(self, other: Expr) -> Expr:
        return add((self, neg(other)))

    def __mul__(self, other: Expr) -> Expr:
        return mul((self, other))

    def __truediv__(self, other: Expr) -> Expr:
        return mul((self, power(other, MINUS_ONE)))

    def __pow__(self, other: Expr) -> Expr:
        return power(self, other)

    def __neg__(self) -> Expr:
        return neg(self)


_table: dict[tuple[object, ...], Expr] = {}
_keys = itertools.count()


def _intern(op: str, args: tuple[Expr, ...] = (), value: float = 0.0, name: str = "") -> Expr:
    key = (op, tuple(a.key for a in args), value, name)
    node = _table.get(key)
    if node is None:
        node = Expr()
        node.op, node.args, node.value, node.name = op, args, value, name
        node.symbols = frozenset({name}) if op == "sym" else frozenset()
        for a in args:
            node.symbols |= a.symbols
        node.key = next(_keys)
        if op == "num":
            node.positive = value > 0.0
        elif op in ("add", "mul"):
            node.positive = all(a.positive for a in args)
        else:
            node.positive = op in ("sym", "exp", "sigmoid", "softplus") or (
                op == "pow" and args[0].positive
            )
        # Two threads may build one node at once: the first to arrive is the node.
        node = _table.setdefault(key, node)
    return node


def number(value: float) -> Expr:
    """The constant `value`."""
    return _intern("num", value=float(value) + 0.0)


def symbol(name: str) -> Expr:
    """The variable `name`."""
    return _intern("sym", name=name)


ZERO, ONE, MINUS_ONE, TWO = number(0), number(1), number(-1), number(2)


def pair(a: Expr, b: Expr) -> Expr:
    """The product of two factors as one node of its own: a step of computing a larger one."""
    return _intern("mul", (a, b))


def neg(a: Expr) -> Expr:
    """Minus `a`."""
    return mul((MINUS_ONE, a))


def split_coefficient(e: Expr) -> tuple[float, Expr]:
    """The numeric factor of a product and the rest."""
    if e.op == "num":
        return e.value, ONE
    if e.op == "mul" and e.args[0].op == "num":
        rest = e.args[1:]
        return e.args[0].value, rest[0] if len(rest) == 1 else _intern("mul", rest)
    return 1.0, e


def add(args: Iterable[Expr]) -> Expr:
    """Sum, with constants folded and equal terms collected."""
    constant = 0.0
    terms: dict[Expr, float] = {}
    stack = list(args)[::-1]
    while stack:
        a = stack.pop()
        if a.op == "add":
            stack.extend(a.args[::-1])
        elif a.op == "num":
            constant += a.value
        else:
            c, rest = split_coefficient(a)
            terms[rest] = terms.get(rest, 0.0) + c
    out = [_scaled(c, t) for t, c in terms.items() if c != 0.0]
    if constant != 0.0 or not out:
        out.append(number(constant))
    return out[0] if len(out) == 1 else _intern("add", tuple(out))


def _scaled(c: float, e: Expr) -> Expr:
    if c == 1.0:
        return e
    factors = e.args if e.op == "mul" else (e,)
    return _intern("mul", (number(c), *factors))


def mul(args: Iterable[Expr]) -> Expr:
    """Product, with constants folded, equal bases merged and exponentials joined."""
    constant = 1.0
    powers: dict[Expr, list[Expr]] = {}
    exponents: list[Expr] = []
    stack = list(args)[::-1]
    while stack:
        a = stack.pop()
        if a.op == "mul":
            stack.extend(a.args[::-1])
        elif a.op == "num":
            constant *= a.value
        elif a.op == "exp":
            exponents.append(a.args[0])
        elif a.op == "pow":
            powers.setdefault(a.args[0], []).append(a.args[1])
        else:
            powers.setdefault(a, []).append(ONE)
    if constant == 0.0:
        return ZERO
    out: list[Expr] = []
    opened = False
    for base, exps in powers.items():
        p = power(base, exps[0] if len(exps) == 1 else add(exps))
        # Exponents that cancel may leave a product or a power of something else.
        opened |= p.op == "mul" or (p.op == "pow" and p.args[0] is not base)
        if p.op == "num":
            constant *= p.value
        elif p.op == "exp":
            exponents.append(p.args[0])
        elif p is not ONE:
            out.append(p)
    if exponents:
        e = call("exp", (exponents[0] if len(exponents) == 1 else add(exponents),))
        if e.op == "num":
            constant *= e.value
        else:
            out.append(e)
    if opened:
        return mul((number(constant), *out))
    if not out:
        return number(constant)
    if len(out) == 1 and out[0].op == "add" and constant != 1.0:
        return add(mul((number(constant), t)) for t in out[0].args)
    if constant != 1.0:
        out.insert(0, number(constant))
    return out[0] if len(out) == 1 else _intern("mul", tuple(out))


def power(base: Expr, exponent: Expr) -> Expr:
    """`base` to the `exponent`.

    Symbols are taken as positive, as scales are; what else may be negative (a logarithm, a
    difference) is left as it stands unless the rule holds for negative bases too.
    """
    if exponent.op == "num":
        if exponent.value == 0.0:
            return ONE
        if exponent.value == 1.0:
            return base
        if base.op == "num":
            try:
                return number(base.value**exponent.value)
            except (OverflowError, ZeroDivisionError, TypeError, ValueError):
                return _intern("pow", (base, exponent))
    if base is ONE:
        return ONE
    whole = exponent.op == "num" and exponent.value == int(exponent.value)
    if base.op == "exp":
        return call("exp", (base.args[0] * exponent,))
    if base.op == "pow" and (whole or base.args[0].positive):
        return power(base.args[0], base.args[1] * exponent)
    if base.op == "mul" and (exponent.op == "num" or any(f.op == "exp" for f in base.args)):
        held = [] if whole else [f for f in base.args if not f.positive]
        if len(held) < 2:
            return mul(power(f, exponent) for f in base.args)
        if len(held) < len(base.args):
            free = [power(f, exponent) for f in base.args if f.positive]
            return mul([*free, _intern("pow", (mul(held), exponent))])
    return _intern("pow", (base, exponent))


def call(name: str, args: tuple[Expr, ...]) -> Expr:
    """A function of the white list applied to its arguments."""
    (a, *_rest) = args
    if name == "sqrt":
        return power(a, number(0.5))
    if name == "exp" and a is ZERO:
        return ONE
    if name == "log":
        if a.op == "exp":
            return a.args[0]
        if a is ONE:
            return ZERO
        if a.op == "mul" and any(f.op == "exp" for f in a.args):
            held = [f for f in a.args if not f.positive]
            free = [call("log", (f,)) for f in a.args if f.positive]
            return add([*free, call("log", (mul(held),))] if held else free)
    if all(x.op == "num" for x in args):
        folded = _fold(name, [x.value for x in args])
        if folded is not None:
            return number(folded)
    return _intern(name, args)


def _fold(name: str, values: list[float]) -> float | None:
    functions: dict[str, Callable[..., float]] = {
        "exp": math.exp,
        "log": math.log,
        "log1p": math.log1p,
        "expm1": math.expm1,
        "tanh": math.tanh,
        "sigmoid": lambda x: 0.5 * (1.0 + math.tanh(0.5 * x)),
        "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
        "abs": abs,
        "min": min,
        "max": max,
    }
    if name not in functions:
        return None
    try:
        result = float(functions[name](*values))
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None
