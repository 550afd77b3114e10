"""Formulas as values: parsed safely, differentiated exactly, printed, run over arrays."""

from forescale.maths.formula.derive import derivative, substitute
from forescale.maths.formula.parse import parse
from forescale.maths.formula.show import latex, text
from forescale.maths.formula.tape import Tape
from forescale.maths.formula.tree import Expr, number, symbol

__all__ = [
    "Expr",
    "Tape",
    "derivative",
    "latex",
    "number",
    "parse",
    "substitute",
    "symbol",
    "text",
]
