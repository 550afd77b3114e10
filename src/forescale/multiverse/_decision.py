"""A decision that hangs on the number: "a > 0.6"."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.quantities import format_number, parse_number, short

_FORM = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)?\s*(?P<sign><=|>=|<|>)?\s*(?P<limit>[^<>=\s]+)\s*")
_SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


@dataclass(frozen=True)
class Decision:
    """Yes where the number lies on one side of a limit.

    Args:
        name: Name of the number.
        sign: One of < <= > >=.
        limit: The limit.
    """

    name: str
    sign: str
    limit: float

    def of(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """What is decided for each value."""
        return np.asarray(_SIGNS[self.sign](values, self.limit))

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {format_number(self.limit)}"


def decision(text: str | float, name: str) -> Decision:
    """The decision a user means by "a > 0.6", or by a number that is to be exceeded.

    Raises:
        BadOption: If it cannot be read, or speaks of another number.
    """
    match = _FORM.fullmatch(str(text))
    if match is None or (match["name"] and not match["sign"]):
        raise BadOption(
            f"'{short(str(text))}' is no decision", where="--decide", fix=f'as in "{name} > 0.6"'
        )
    if match["name"] not in (None, name):
        raise BadOption(
            f"the universes tell {name}, not '{match['name']}'",
            where="--decide",
            fix=f'as in "{name} > 0.6", or ask for {match["name"]} with --of',
        )
    return Decision(name, match["sign"] or ">", parse_number(match["limit"]))
