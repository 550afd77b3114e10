"""Products split so that many expressions share their multiplications.

Second derivatives are hundreds of products of the same few factors. The two factors that meet
in most products are made one, again and again: not always the fewest multiplications, but
found in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

from forescale.maths.formula.tree import MINUS_ONE, Expr, pair

Pair = tuple[Expr, Expr]


def shared_products(outputs: Iterable[Expr], varies: Callable[[Expr], int]) -> dict[Expr, Pair]:
    """How to compute the products in the outputs: product -> the two parts to multiply.

    Args:
        outputs: Expressions that are computed together.
        varies: What a factor depends on. Factors that depend on the parameters alone, or on
            the data alone, are small arrays and are multiplied first.
    """
    split: dict[Expr, Pair] = {}
    factors = {e: _gathered(e, varies, split) for e in _products(outputs)}
    meet: dict[Pair, dict[Expr, None]] = {}
    for e, parts in factors.items():
        for q in _pairs(parts):
            meet.setdefault(q, {})[e] = None
    while meet:
        best = max(meet, key=lambda q: len(meet[q]))
        a, b = best
        made = pair(a, b)
        split[made] = best
        for e in list(meet[best]):
            for q in _pairs(factors[e]):
                del meet[q][e]
                if not meet[q]:
                    del meet[q]
            rest = [f for f in factors[e] if f is not a and f is not b]
            factors[e] = [made, *rest]
            if not rest:
                split[e] = best
            for q in _pairs(factors[e]):
                meet.setdefault(q, {})[e] = None
    return split


def _products(outputs: Iterable[Expr]) -> list[Expr]:
    """Every product in the outputs, once; a term that is subtracted without its minus."""
    seen: dict[Expr, None] = {}
    stack = list(outputs)[::-1]
    while stack:
        e = stack.pop()
        if e in seen:
            continue
        seen[e] = None
        for a in e.args[::-1]:
            minus = e.op == "add" and a.op == "mul" and a.args[0] is MINUS_ONE
            stack.append(-a if minus else a)
    return [e for e in seen if e.op == "mul"]


def _gathered(e: Expr, varies: Callable[[Expr], int], split: dict[Expr, Pair]) -> list[Expr]:
    """Factors of a product, with those of parameters alone and those of data alone joined."""
    full = [f for f in e.args if varies(f) == 3]
    small = []
    for kind in (2, 1):
        # A constant goes with the parameters, of which there are fewest values.
        some = [f for f in e.args if varies(f) == kind or (kind == 2 and varies(f) == 0)]
        while len(some) > 1:
            a, b, *some = some
            split[pair(a, b)] = (a, b)
            some.insert(0, pair(a, b))
        small += some
    if not full and len(small) == 1:
        split[e] = split[small[0]]
    return small + full


def _pairs(factors: list[Expr]) -> list[Pair]:
    return list(combinations(sorted(factors, key=lambda f: f.key), 2))
