"""Tables that hold one method each, as one table with a column of methods."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from forescale.errors import BadOption, BadTable
from forescale.quantities import short
from forescale.runs import RunTable

#: Names of the new column, the first that no table has.
_COLUMNS = ("method", "table", "table_of_origin")


def joined(tables: Sequence[RunTable], names: Sequence[str] = ()) -> tuple[RunTable, str]:
    """One table of all rows, and the name of its column of methods.

    Args:
        tables: Two or more.
        names: The methods; by default the tables' file names, or "a", "b"... where those do
            not tell them apart.

    Raises:
        BadOption: If the names do not fit the tables.
        BadTable: If the tables share no columns, or a column has two units.
    """
    names = tuple(names) or _names(tables)
    if len(names) != len(tables) or len(set(names)) < len(names) or not all(names):
        raise BadOption(
            f"{len(names)} names ({', '.join(map(short, names))}) for {len(tables)} tables",
            where="compare",
            fix="give one name per table, each once",
        )
    shared = [c for c in tables[0].columns if all(c in t.columns for t in tables[1:])]
    if not shared:
        raise BadTable(
            f"{' and '.join(short(t.source) for t in tables)} have no column in common",
            where="compare",
            fix="say which column is which with --map",
        )
    for column in shared:
        units = {t.units[column] for t in tables if t.units.get(column)}
        if len(units) > 1:
            raise BadTable(
                f"column '{short(column)}' is in {' and in '.join(sorted(units))}",
                where=" and ".join(short(t.source) for t in tables),
                fix="give it in one unit",
            )
    method = next(c for c in _COLUMNS if all(c not in t.columns for t in tables))
    columns = {}
    for column in shared:
        parts = [t.columns[column] for t in tables]
        mixed = len({p.dtype for p in parts}) > 1
        columns[column] = np.concatenate([_words(p) for p in parts] if mixed else parts)
    columns[method] = np.repeat(np.array(names, object), [len(t) for t in tables])
    lost = sorted({c for t in tables for c in t.columns} - set(shared))
    note = f"left out, since not all tables have it: {', '.join(map(short, lost[:8]))}"
    every = hashlib.sha256("".join(t.hash for t in tables).encode()).hexdigest()
    table = RunTable(
        columns,
        units={c: u for c, u in tables[0].units.items() if c in shared},
        source=" + ".join(t.source for t in tables),
        hash=every,
        names={c: h for c, h in tables[0].names.items() if c in shared},
        rows=np.concatenate([t.rows for t in tables]),
        dropped=tuple(d for t in tables for d in t.dropped),
        notes=(*dict.fromkeys(n for t in tables for n in t.notes), *((note,) if lost else ())),
    )
    return table, method


def _names(tables: Sequence[RunTable]) -> tuple[str, ...]:
    found = tuple(t.source.rpartition("/")[2].partition(".")[0] for t in tables)
    if len(set(found)) == len(found) and all(found):
        return found
    return tuple("abcdefghijklmnopqrstuvwxyz"[: len(tables)])


def _words(values: np.ndarray) -> np.ndarray:
    return values if values.dtype == object else np.array([f"{v:g}" for v in values], object)
