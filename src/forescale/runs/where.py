"""The `where` language: choosing rows by conditions on columns, without evaluating code.

    lr_peak<1e-3 and dataset=c4, size in 190M,370M

Conditions are joined by `and`, `&` or a comma, and all must hold. The left side is a column,
the right side a number as people write it, a text, or after `in` / `not in` a list. Quotes
keep commas and `and` inside a text: model="6 Enc, 6 Dec".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption, BadTable
from forescale.quantities import parse_number, short
from forescale.runs.cells import MISSING

if TYPE_CHECKING:
    from forescale.runs.table import RunTable

_COMPARISON = re.compile(r"\s*(?P<column>.+?)\s*(?P<operator><=|>=|!=|==|=|<|>)(?P<value>.*)", re.S)
_MEMBERSHIP = re.compile(
    r"\s*(?P<column>.+?)\s+(?P<operator>not\s+in|in)\s+(?P<value>.*)", re.S | re.IGNORECASE
)
_PIECE = re.compile(r"""("[^"]*"|'[^']*')|(\s+and\s+|\s*&&?\s*|\s*,\s*)""", re.IGNORECASE)
_FIX = "write conditions like lr<1e-3, group=base, or size in 190M,370M"


@dataclass(frozen=True)
class Clause:
    """One condition: `column operator values`, with its text for messages."""

    column: str
    operator: str
    values: tuple[str, ...]
    text: str


def parse(expression: str) -> tuple[Clause, ...]:
    """The conditions in an expression.

    Raises:
        BadOption: If a piece is no condition.
    """
    clauses: list[Clause] = []
    for piece in _pieces(expression):
        clause = _clause(piece)
        if clause is not None:
            clauses.append(clause)
        elif clauses and clauses[-1].operator in ("in", "not in"):
            last = clauses[-1]
            clauses[-1] = Clause(
                last.column,
                last.operator,
                (*last.values, _unquoted(piece)),
                f"{last.text},{piece.strip()}",
            )
        else:
            raise BadOption(f"'{short(piece)}' is not a condition", where="where", fix=_FIX)
    if not clauses:
        raise BadOption("the condition is empty", where="where", fix=_FIX)
    return tuple(clauses)


def _pieces(expression: str) -> list[str]:
    """The expression cut at its joints, quotes kept whole."""
    pieces, start = [], 0
    for match in _PIECE.finditer(expression):
        if match[2] is not None:
            pieces.append(expression[start : match.start()])
            start = match.end()
    pieces.append(expression[start:])
    return [piece.strip() for piece in pieces if piece.strip()]


def _clause(piece: str) -> Clause | None:
    if piece[0] in "\"'" and piece[-1] == piece[0] and piece.count(piece[0]) == 2:
        return None
    # Whichever operator comes first: a value may hold the other kind, as in run=a in b.
    found = [m for m in (_COMPARISON.fullmatch(piece), _MEMBERSHIP.fullmatch(piece)) if m]
    if not found:
        return None
    match = min(found, key=lambda m: m.start("operator"))
    operator = " ".join(match["operator"].lower().split())
    operator = "=" if operator == "==" else operator
    value = _unquoted(match["value"])
    return Clause(_unquoted(match["column"]), operator, (value,), piece)


def _unquoted(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def choose_rows(table: RunTable, expression: str) -> RunTable:
    """The rows of `table` for which every condition holds, with a note of the count.

    Raises:
        BadOption: If the expression cannot be read, or compares text with a number.
        UnknownName: If a column does not exist; the message names near misses.
        BadTable: If no row is left; the message names the condition that removed the last.
    """
    keep = np.ones(len(table), dtype=bool)
    for clause in parse(expression):
        mask = _mask(table, clause)
        if not (keep & mask).any():
            column = table.key(clause.column)
            raise BadTable(
                f"no row is left after '{short(clause.text, 60)}'",
                where=table.source,
                fix=f"column '{short(clause.column)}' holds {_holds(table.columns[column], keep)}",
            )
        keep &= mask
    note = f"where {short(expression, 80)}: {int(keep.sum())} of {len(table)} rows"
    return table.take(keep, note=note)


def _mask(table: RunTable, clause: Clause) -> NDArray[np.bool_]:
    cells = table[clause.column]
    if clause.operator in ("in", "not in"):
        hits = [_equal(cells, value, clause) for value in clause.values]
        any_hit = np.logical_or.reduce(hits)
        return np.asarray(~any_hit if clause.operator == "not in" else any_hit)
    value = clause.values[0]
    if clause.operator in ("=", "!="):
        equal = _equal(cells, value, clause)
        return equal if clause.operator == "=" else ~equal
    numbers, limit = _numbers(cells, clause), _number(value, clause)
    with np.errstate(invalid="ignore"):
        if clause.operator == "<":
            return np.asarray(numbers < limit)
        if clause.operator == "<=":
            return np.asarray(numbers <= limit)
        if clause.operator == ">":
            return np.asarray(numbers > limit)
        return np.asarray(numbers >= limit)


def _equal(cells: NDArray[Any], value: str, clause: Clause) -> NDArray[np.bool_]:
    if cells.dtype == object:
        return np.array([cell == value for cell in cells], dtype=bool)
    if value.lower() in MISSING:
        return np.asarray(np.isnan(cells))
    # A decimal in a condition stands for the float the file's own digits gave.
    return np.asarray(np.isclose(cells, _number(value, clause), rtol=1e-9, atol=0.0))


def _numbers(cells: NDArray[Any], clause: Clause) -> NDArray[np.float64]:
    """Cells as numbers; a column of labels such as 190M, 1B can be ordered too."""
    if cells.dtype != object:
        return cells
    known = {}
    for cell in set(cells.tolist()):
        try:
            known[cell] = np.nan if cell.lower() in MISSING else parse_number(cell)
        except BadOption:
            raise BadOption(
                f"column '{short(clause.column)}' holds text such as "
                f"'{short(cell)}', which has no order",
                where=f"where {clause.text}",
                fix="use = or in",
            ) from None
    return np.array([known[cell] for cell in cells], dtype=np.float64)


def _number(text: str, clause: Clause) -> float:
    truth = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}.get(text.lower())
    if truth is not None:
        return truth
    try:
        return parse_number(text)
    except BadOption as problem:
        raise BadOption(
            f"column '{short(clause.column)}' holds numbers and '{short(text)}' is none",
            where=f"where {short(clause.text, 60)}",
            fix=problem.fix,
        ) from None


def _holds(cells: NDArray[Any], keep: NDArray[np.bool_]) -> str:
    """What a column has to offer, for a message."""
    from forescale.quantities import format_number

    left = cells[keep]
    if cells.dtype == object:
        kinds = sorted(set(left.tolist()))
        return short(", ".join(kinds[:5]), 120) + ("..." if len(kinds) > 5 else "")
    finite = left[np.isfinite(left)]
    if not len(finite):
        return "no numbers"
    return f"{format_number(finite.min())} to {format_number(finite.max())}"
