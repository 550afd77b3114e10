"""Formula text to expression tree, by a white list over Python's own syntax tree.

Nothing is ever evaluated: the text is parsed, each node must be in the list below, and
everything else is refused with the place where it stands.
"""

from __future__ import annotations

import ast
import math
import re
import warnings

from forescale.errors import BadFormula
from forescale.maths.formula import tree
from forescale.maths.formula.tree import Expr

MAX_LENGTH = 2_000
MAX_DEPTH = 60
_ARITY = {"min": 2, "max": 2}
_CONSTANTS = {"pi": math.pi}
_LANGUAGE = "a formula has numbers, names, + - * / ^ ( ) and " + ", ".join(tree.FUNCTIONS)


def parse(source: str) -> Expr:
    """The expression tree of `source`, such as "E + A/N^alpha".

    Raises:
        BadFormula: If the text is not a formula; the message quotes the part refused.
    """
    if not source or not source.strip():
        raise BadFormula("the formula is empty", fix=_LANGUAGE)
    if len(source) > MAX_LENGTH:
        raise BadFormula(f"the formula is longer than {MAX_LENGTH} characters")
    if not source.isascii():
        odd = next(c for c in source if not c.isascii())
        raise _refused(source, repr(odd), "write names in plain letters, as in alpha")
    if "**" in source.replace(" ", ""):
        source = re.sub(r"\*\s*\*", "^", source)
    depth = deepest = 0
    for c in source:
        depth += (c == "(") - (c == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH or source.count("-") + source.count("+") + source.count("^") > 200:
        raise BadFormula("the formula is nested too deeply")
    if "\n" in source or "\r" in source or "#" in source:
        raise _refused(source, "line break or '#'", "write the formula on one line")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(source.strip().replace("^", "**"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        detail = getattr(error, "msg", None) or "not a formula"
        raise BadFormula(f"cannot read {_quote(source)}: {detail}", fix=_LANGUAGE) from None
    try:
        result = _build(body, source)
    except RecursionError:
        raise BadFormula("the formula is nested too deeply") from None
    _check(result, source)
    return result


def _check(result: Expr, source: str) -> None:
    """Refuse what folding constants may have made: infinity, or a power of zero that is one."""
    seen: set[Expr] = set()
    level = [result]
    for _ in range(MAX_DEPTH):
        for e in level:
            if e.op == "num" and not math.isfinite(e.value):
                raise _refused(source, "a number too large for double precision", "rescale it")
            if e.op == "pow" and e.args[0] is tree.ZERO:
                raise _refused(source, "a power of zero", "remove it")
        seen.update(level)
        level = list({a for e in level for a in e.args if a not in seen})
        if not level:
            return
    raise BadFormula("the formula is nested too deeply")


def _build(node: ast.expr, source: str) -> Expr:
    match node:
        case ast.Constant(value=bool() | None | str() | bytes() | complex()):
            raise _refused(source, repr(node.value), _LANGUAGE)
        case ast.Constant(value=int() | float()):
            try:
                value = float(node.value)  # type: ignore[arg-type]
            except OverflowError:
                value = math.inf
            if not math.isfinite(value):
                raise _refused(
                    source, "a number too large for double precision", "use 1e308 at most"
                )
            return tree.number(value)
        case ast.Name(id=name):
            if name in tree.FUNCTIONS:
                raise _refused(source, f"'{name}' without arguments", f"write {name}(...)")
            return tree.number(_CONSTANTS[name]) if name in _CONSTANTS else tree.symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=a):
            return -_build(a, source)
        case ast.UnaryOp(op=ast.UAdd(), operand=a):
            return _build(a, source)
        case ast.BinOp(left=a, op=op, right=b):
            return _binary(op, _build(a, source), _build(b, source), source)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in tree.FUNCTIONS:
            wanted = _ARITY.get(name, 1)
            if len(args) != wanted or any(isinstance(a, ast.Starred) for a in args):
                raise _refused(source, f"{name} with {len(args)} arguments", f"it takes {wanted}")
            return tree.call(name, tuple(_build(a, source) for a in args))
        case ast.Call(func=ast.Name(id=name)):
            raise _refused(source, f"the function '{name}'", _LANGUAGE)
    raise _refused(source, repr(ast.unparse(node)[:60]), _LANGUAGE)


def _binary(op: ast.operator, a: Expr, b: Expr, source: str) -> Expr:
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.Div():
            if b is tree.ZERO:
                raise _refused(source, "a division by zero", "remove it")
            return a / b
        case ast.Pow():
            return a**b
    raise _refused(source, f"the operator {type(op).__name__}", _LANGUAGE)


def _refused(source: str, part: str, fix: str) -> BadFormula:
    return BadFormula(f"{part} cannot stand in a formula ({_quote(source)})", fix=fix)


def _quote(source: str) -> str:
    line = " ".join(source.split())
    return repr(line if len(line) <= 80 else line[:77] + "...")
