"""Data frames of any kind (pandas, polars, pyarrow, duckdb...), through narwhals."""

from __future__ import annotations

from typing import Any

import numpy as np

from forescale.errors import BadTable
from forescale.quantities import short
from forescale.runs.readers import Column, RawColumns, Reader, Source, as_column

_LIBRARIES = {
    "pandas",
    "polars",
    "pyarrow",
    "duckdb",
    "modin",
    "cudf",
    "dask",
    "ibis",
    "pyspark",
    "narwhals",
    "_duckdb",
}


def sniff(source: Source) -> float:
    """How surely this reader takes the source, 0 to 1."""
    if source.obj is None:
        return 0.0
    library = type(source.obj).__module__.partition(".")[0]
    return 0.9 if library in _LIBRARIES else 0.0


def read(source: Source, sep: str | None = None) -> RawColumns:
    """The source's columns as they stand, with the place of each row."""
    return from_frame(source.obj, source.name)


def from_frame(obj: Any, name: str) -> RawColumns:
    """Columns of a data frame; the index of a pandas frame is not a column.

    Raises:
        BadTable: If the object is no frame (a Series, say) or has two columns of one name.
    """
    import narwhals as nw

    try:
        frame = nw.from_native(obj)
        if isinstance(frame, nw.LazyFrame):
            frame = frame.collect()
        headers = [str(header) for header in frame.columns]
        series = [frame[:, i] for i in range(len(headers))]
    except Exception as problem:  # each library has errors of its own
        raise BadTable(
            f"cannot read this {type(obj).__module__.partition('.')[0]} object as a "
            f"table ({short(problem, 80)})",
            where=name,
            fix="give a data frame with one row per run and unique column names",
        ) from problem
    if len(set(headers)) < len(headers):
        twice = next(h for h in headers if headers.count(h) > 1)
        raise BadTable(
            f"two columns are called '{short(twice)}'", where=name, fix="rename one of them"
        )
    columns = {h: _cells(s) for h, s in zip(headers, series, strict=True)}
    rows = np.arange(1, len(frame) + 1, dtype=np.int64)
    return RawColumns(columns, rows)


def _cells(series: Any) -> Column:
    dtype = series.dtype
    if dtype.is_numeric() and not dtype.is_decimal():
        return np.asarray(series.to_numpy(), dtype=np.float64).copy()
    return as_column(series.to_list())


READER = Reader("data frame", "a pandas, polars, pyarrow or duckdb table", sniff, read)
