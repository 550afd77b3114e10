"""Python objects: a dict of columns, or a list of dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any

import numpy as np

from forescale.errors import BadTable
from forescale.quantities import short
from forescale.runs.readers import RawColumns, Reader, Source, as_column, from_records


def sniff(source: Source) -> float:
    """How surely this reader takes the source, 0 to 1."""
    obj = source.obj
    if isinstance(obj, Mapping):
        return 0.8
    listed = isinstance(obj, Sequence) and not isinstance(obj, (str, bytes))
    return 0.8 if listed and all(isinstance(item, Mapping) for item in obj) else 0.0


def read(source: Source, sep: str | None = None) -> RawColumns:
    """The source's columns as they stand, with the place of each row."""
    if isinstance(source.obj, Mapping):
        return from_mapping(source.obj, source)
    return from_records(source.obj, source)


def from_mapping(table: Mapping[Any, Any], source: Source) -> RawColumns:
    """Columns of a dict of sequences, all of one length.

    Raises:
        BadTable: If a value is no sequence, or lengths differ.
    """
    columns: dict[str, Any] = {}
    for key, values in table.items():
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise BadTable(
                f"the value {short(values)} is not a list of cells",
                where=f"{source.name}, column '{short(key)}'",
                fix="give every column as a list with one entry per run",
            )
        if isinstance(values, Mapping):  # pandas' column-wise JSON: {column: {index: value}}
            values = list(values.values())
        if isinstance(values, np.ndarray) and values.ndim != 1:
            raise BadTable(
                f"the array has {values.ndim} dimensions, a column has one",
                where=f"{source.name}, column '{short(key)}'",
                fix="give one array per column",
            )
        if not isinstance(values, Sized) or not hasattr(values, "__getitem__"):
            values = list(values)
        columns[str(key)] = values
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        first, *others = lengths
        odd = next(name for name in others if lengths[name] != lengths[first])
        raise BadTable(
            f"column '{short(odd)}' has {lengths[odd]} cells and '{short(first)}' has "
            f"{lengths[first]}",
            where=source.name,
            fix="give every column one cell per run",
        )
    n = next(iter(lengths.values()), 0)
    return RawColumns(
        {k: as_column(_plain(v)) for k, v in columns.items()}, np.arange(1, n + 1, dtype=np.int64)
    )


def _plain(values: Any) -> Any:
    return values if isinstance(values, (list, np.ndarray)) else list(values)


READER = Reader("Python", "a dict of columns or a list of dicts", sniff, read)
