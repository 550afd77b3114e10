"""Many expressions as one list of array operations, each common part computed once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.maths.formula.share import shared_products
from forescale.maths.formula.tree import MINUS_ONE, Expr

Array = NDArray[np.float64]


def _sigmoid(x: Array) -> Array:
    # tanh neither overflows nor needs two branches.
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _inverse(x: Array) -> Array:
    """1/x; np.reciprocal would round whole numbers down to zero."""
    return np.divide(1.0, x)


def _softplus(x: Array) -> Array:
    """log(1 + exp(x)), which does not overflow; NumPy's logaddexp takes four times as long."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


_CALLS: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "abs": np.abs,
    "sign": np.sign,
    "min": np.minimum,
    "max": np.maximum,
}


class Tape:
    """Run several expressions over broadcasting arrays.

    Args:
        outputs: Expressions to compute.
        symbols: Names in the order in which `__call__` takes their arrays.

    Operands of products and sums that vary least come first, so that what depends on the
    parameters alone, shape (K, 1), or on the data alone, shape (n,), is never computed at
    full size (K, n).
    """

    def __init__(
        self,
        outputs: Sequence[Expr],
        symbols: Sequence[str],
        *,
        rank: Mapping[str, int] | None = None,
    ) -> None:
        self.symbols = tuple(symbols)
        self._rank = dict(rank or {})
        self._slot: dict[Expr, int] = {}
        self._ops: list[tuple[Callable[..., Any], int, int, int]] = []
        self._constants: list[tuple[int, float]] = []
        self._n = len(self.symbols)
        self._position = {s: i for i, s in enumerate(self.symbols)}
        self._pairs: dict[tuple[str, int, int], int] = {}
        self._split = shared_products(outputs, self._varies)
        self.outputs = tuple(self._place(e) for e in outputs)
        last: dict[int, int] = {}
        for i, (_, a, b, _out) in enumerate(self._ops):
            last[a] = last[b] = i
        keep = set(self.outputs)
        self._free = [
            tuple({s for s in (a, b) if s >= len(self.symbols) and s not in keep and last[s] == i})
            for i, (_, a, b, _out) in enumerate(self._ops)
        ]

    def _new(self) -> int:
        self._n += 1
        return self._n - 1

    def _emit(self, name: str, f: Callable[..., Any], a: int, b: int = -1) -> int:
        key = (name, a, b)
        if key not in self._pairs:
            out = self._new()
            self._ops.append((f, a, b, out))
            self._pairs[key] = out
        return self._pairs[key]

    def _varies(self, e: Expr) -> int:
        """0: constant; 1: data alone; 2: parameters alone; 3: both."""
        v = 0
        for s in e.symbols:
            v |= self._rank.get(s, 1)
        return v

    def _place(self, e: Expr) -> int:
        slot = self._slot.get(e)
        if slot is None:
            slot = self._slot[e] = self._place_new(e)
        return slot

    def _place_new(self, e: Expr) -> int:
        match e.op:
            case "num":
                slot = self._new()
                self._constants.append((slot, e.value))
                return slot
            case "sym":
                return self._position[e.name]
            case "add":
                return self._chain(e.args, "add")
            case "mul":
                return self._chain(self._split.get(e, e.args), "mul")
            case "pow":
                return self._power(*e.args)
        slots = [self._place(a) for a in e.args]
        return self._emit(e.op, _CALLS[e.op], *slots)

    def _chain(self, args: tuple[Expr, ...], name: str) -> int:
        f = np.add if name == "add" else np.multiply
        ordered = sorted(args, key=self._varies)
        slot = self._place(ordered[0])
        for a in ordered[1:]:
            if name == "add" and a.op == "mul" and a.args[0] is MINUS_ONE:
                slot = self._emit("sub", np.subtract, slot, self._place(-a))
            else:
                slot = self._emit(name, f, slot, self._place(a))
        return slot

    def _power(self, base: Expr, exponent: Expr) -> int:
        b = self._place(base)
        if exponent.op == "num":
            v = exponent.value
            special: dict[float, Any] = {-1.0: _inverse, 2.0: np.square, 0.5: np.sqrt}
            if v in special:
                return self._emit(f"pow{v}", special[v], b)
            if v == -2.0:
                return self._emit("pow2.0", np.square, self._emit("pow-1.0", _inverse, b))
            return self._emit("pow", np.power, b, self._place(exponent))
        # exp and log are vectorised in NumPy, pow is not; a base of zero still gives zero.
        logged = self._emit("log", np.log, b)
        product = self._emit("mul", np.multiply, logged, self._place(exponent))
        return self._emit("exp", np.exp, product)

    def __call__(self, *values: Any) -> list[Any]:
        """The outputs, each of the broadcast shape of what it depends on."""
        slots: list[Any] = [None] * self._n
        slots[: len(values)] = values
        for slot, value in self._constants:
            slots[slot] = value
        for (f, a, b, out), free in zip(self._ops, self._free, strict=True):
            slots[out] = f(slots[a]) if b < 0 else f(slots[a], slots[b])
            for s in free:
                slots[s] = None
        return [slots[i] for i in self.outputs]
