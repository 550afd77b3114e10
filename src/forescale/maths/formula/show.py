"""An expression as the text a user types and as LaTeX."""

from __future__ import annotations

from forescale.maths.formula.tree import MINUS_ONE, Expr, split_coefficient

GREEK = frozenset(
    {
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
        "phi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Phi",
        "Psi",
        "Omega",
    }
)
# Names of two letters that are one word; others read as a letter and its subscript.
_WORDS = frozenset({"lr"})
_ADD, _MUL, _POW, _ATOM = 1, 2, 3, 4


def text(e: Expr) -> str:
    """`e` in the language that `parse` reads; parsing it again gives the same tree."""
    return _Text().show(e, 0)


def latex(e: Expr) -> str:
    """`e` as LaTeX, for a formula between dollar signs."""
    return _Latex().show(e, 0)


def latex_name(name: str) -> str:
    """A symbol as LaTeX: Greek letters by name, words upright, the rest letter and subscript."""
    head, _, tail = name.partition("_")
    word = head.isalpha() and head.islower() and (len(head) > 2 or head in _WORDS)
    if not tail and (head in GREEK or not word):
        for i in range(len(name), 0, -1):
            if name[:i] in GREEK or i == 1:
                head, tail = name[:i], name[i:]
                break
    shown = "\\" + head if head in GREEK else head if len(head) == 1 else rf"\mathrm{{{head}}}"
    if not tail:
        return shown
    tail = tail.replace("_", " ")
    inner = "\\" + tail if tail in GREEK else tail
    inner = inner if len(tail) == 1 or inner.startswith("\\") else rf"\mathrm{{{tail}}}"
    return f"{shown}_{{{inner}}}"


def _number(v: float) -> str:
    return repr(int(v)) if abs(v) < 1e15 and v == int(v) else repr(v)


class _Text:
    times, over = "*", "/"

    def name(self, name: str) -> str:
        return name

    def number(self, v: float) -> str:
        return _number(v)

    def wrap(self, s: str) -> str:
        return f"({s})"

    def power(self, base: Expr, exponent: Expr) -> str:
        return f"{self.show(base, _ATOM)}^{self.show(exponent, _ATOM)}"

    def fraction(self, top: str, bottom: list[Expr]) -> str:
        if len(bottom) == 1:
            return f"{top}/{self.show(bottom[0], _POW)}"
        return f"{top}/({self.product(bottom)})"

    def call(self, op: str, args: list[str]) -> str:
        return f"{op}({', '.join(args)})"

    def product(self, factors: list[Expr]) -> str:
        return self.times.join(self.show(f, _MUL + (len(factors) > 1)) for f in factors) or "1"

    def show(self, e: Expr, outer: int) -> str:
        match e.op:
            case "num":
                s = self.number(e.value)
                return self.wrap(s) if e.value < 0 and outer > 0 else s
            case "sym":
                return self.name(e.name)
            case "add":
                s, level = self.sum(e), _ADD
            case "mul":
                s, level = self.term(e)
            case "pow":
                if _negative(e.args[1]):
                    s, level = self.term(e)
                else:
                    s, level = self.power(*e.args), _POW
            case _:
                return self.call(e.op, [self.show(a, 0) for a in e.args])
        return self.wrap(s) if level < outer else s

    def sum(self, e: Expr) -> str:
        out = ""
        for a in e.args:
            c, _ = split_coefficient(a)
            if c < 0:
                out += (" - " if out else "-") + self.show(-a, _ADD + 1)
            else:
                out += (" + " if out else "") + self.show(a, _ADD)
        return out

    def term(self, e: Expr) -> tuple[str, int]:
        """A product as a fraction: factors with negative powers go below."""
        c, _ = split_coefficient(e)
        if c < 0:
            return "-" + self.show(-e, _MUL), _ADD
        top, bottom = [], []
        for f in e.args if e.op == "mul" else (e,):
            if f.op == "pow" and _negative(f.args[1]):
                bottom.append(f.args[0] ** -f.args[1])
            else:
                top.append(f)
        shown = self.product(top)
        return (self.fraction(shown, bottom) if bottom else shown), _MUL


def _negative(e: Expr) -> bool:
    return split_coefficient(e)[0] < 0


class _Latex(_Text):
    times, over = r" \, ", ""

    def name(self, name: str) -> str:
        return latex_name(name)

    def number(self, v: float) -> str:
        s = _number(v)
        if "e" in s:
            m, x = s.split("e")
            return rf"{m} \cdot 10^{{{int(x)}}}"
        return s

    def wrap(self, s: str) -> str:
        return rf"\left({s}\right)"

    def power(self, base: Expr, exponent: Expr) -> str:
        if exponent.op == "num" and exponent.value == 0.5:
            return rf"\sqrt{{{self.show(base, 0)}}}"
        return f"{{{self.show(base, _ATOM)}}}^{{{self.show(exponent, 0)}}}"

    def fraction(self, top: str, bottom: list[Expr]) -> str:
        return rf"\frac{{{top}}}{{{self.product(bottom)}}}"

    def call(self, op: str, args: list[str]) -> str:
        if op == "exp":
            return rf"e^{{{args[0]}}}" if len(args[0]) < 30 else rf"\exp\left({args[0]}\right)"
        shown = {
            "log1p": r"\log\left(1 + %s\right)",
            "expm1": r"\left(e^{%s} - 1\right)",
            "softplus": r"\log\left(1 + e^{%s}\right)",
            "abs": r"\left|%s\right|",
            "sigmoid": r"\sigma\left(%s\right)",
        }.get(op, rf"\{op}\left(%s\right)")
        return shown % ", ".join(args)


__all__ = ["MINUS_ONE", "latex", "latex_name", "text"]
