"""Laws typed by a user, and laws as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from forescale.errors import BadFormula, BadOption
from forescale.laws._contract import Law, Param
from forescale.laws._units import exponent_names
from forescale.maths.formula import parse
from forescale.quantities import QUANTITIES

#: Name of a law that a user typed.
CUSTOM = "custom"


def inline(
    formula: str,
    *,
    inputs: Sequence[str],
    predicts: str = "L",
    name: str = CUSTOM,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Law:
    """A law typed by a user; names that are columns are inputs, all others parameters.

    Args:
        formula: Such as "E + A*N^-a"; "L = E + A*N^-a" names what is predicted.
        inputs: Names that may be inputs (the columns of the table).
        predicts: What comes out, unless the formula says.
        name: What the law is called in results.
        bounds: Bounds per parameter where the default (exponents within [-3, 3], everything
            else at least zero) does not serve.

    Raises:
        BadFormula: If the text is no formula, or no input or no parameter stands in it.
    """
    head, eq, body = formula.partition("=")
    if eq:
        predicts, formula = head.strip().split("(")[0].strip(), body.strip()
    tree = parse(formula)
    used = [i for i in dict.fromkeys(inputs) if i in tree.symbols and i != predicts]
    free = sorted(tree.symbols - set(used))
    known = ", ".join(i for i in inputs if i != predicts)
    if predicts in tree.symbols:
        raise BadFormula(f"{predicts} stands on both sides of {formula!r}", fix="solve for it")
    if not used:
        raise BadFormula(f"no input stands in {formula!r}", fix=f"the table has {known}")
    if not free:
        raise BadFormula(f"no parameter stands in {formula!r}", fix="as in E + A*N^-a")
    given = dict(bounds or {})
    exponents = exponent_names(tree)
    params = []
    for n in free:
        low, high = given.pop(n, (-3.0, 3.0) if n in exponents else (0.0, math.inf))
        params.append(Param(n, "", low, high))
    if given:
        raise BadOption(f"bounds for {', '.join(given)}, which is no parameter of {formula!r}")
    return Law(
        name=name,
        formula=formula,
        inputs=tuple(used),
        predicts=predicts,
        params=tuple(params),
        source="given by the user",
        residual="log" if predicts == "L" or _positive(predicts) else "raw",
    )


def _positive(name: str) -> bool:
    return name in QUANTITIES and QUANTITIES[name].positive


def describe(law: Law) -> dict[str, Any]:
    """The law as plain values, for JSON and for the pages of the catalogue."""
    return {
        "name": law.name,
        "formula": law.formula,
        "latex": law.latex,
        "inputs": list(law.inputs),
        "predicts": law.predicts,
        "summary": law.summary,
        "when": law.when,
        "source": law.source,
        "params": [
            {
                "name": p.name,
                "unit": p.unit,
                "lower": p.lower,
                "upper": p.upper,
                "meaning": p.meaning,
                "typical": law.typical.get(p.name),
            }
            for p in law.params
        ],
    }
