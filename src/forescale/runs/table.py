"""The run table: one row per measurement, typed columns under canonical names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale import catalogue
from forescale.errors import BadOption, BadTable, MissingExtra, UnknownName
from forescale.quantities import QUANTITIES, format_number, recognise, short


@dataclass(frozen=True)
class Dropped:
    """A row that was left out because no law could use it.

    Args:
        row: Its number as `RunTable.rows` counts.
        column: The column that spoiled it; "" where it was the row as a whole.
        value: What stood there.
        reason: Why no law can use it.
    """

    row: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        place = f"row {self.row}" + (f", column '{self.column}'" if self.column else "")
        return f"{place}: {self.reason}" + (f" ({self.value})" if self.value else "")


@dataclass(frozen=True, eq=False)
class RunTable:
    """Training runs, immutable; every method returns a new table.

    Args:
        columns: Canonical name (or the header, for what is not a known quantity) to values,
            each of shape (n,): float64, NaN where empty, or object arrays of str.
        units: Unit of each column that has one.
        source: File name or kind of object it was read from.
        hash: sha256 hex of the content: of the file's bytes when just read, and different
            after every selection or change.
        origin: The hash when first read, which selections and changes leave as it was.
        names: Canonical name to the header in the source.
        rows: Number of each row where the user sees it, shape (n,): the line in a text file
            (the header is line 1), the 1-based record elsewhere.
        dropped: Rows that no law could use, with the reason.
        notes: What was guessed or doubted while reading, one line each.
    """

    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str] = field(default_factory=dict)
    source: str = "columns"
    hash: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    rows: NDArray[np.int64] = field(default_factory=lambda: np.arange(0))
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    origin: str = ""

    def __post_init__(self) -> None:
        if not self.origin:
            object.__setattr__(self, "origin", self.hash)
        n = len(next(iter(self.columns.values()))) if self.columns else 0
        if len(self.rows) != n:
            object.__setattr__(self, "rows", np.arange(1, n + 1))
        for name, values in self.columns.items():
            if values.shape != (n,):
                raise BadTable(
                    f"the column has shape {values.shape}, not ({n},)",
                    where=f"{self.source}, column '{short(name)}'",
                    fix="give every column one value per row",
                )
            values.setflags(write=False)

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._key(name) is not None

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Values of a column, shape (n,), by canonical name, header in the file, or alias.

        Raises:
            UnknownName: If there is no such column; the message names near misses.
        """
        return self.columns[self.key(name)]

    def key(self, name: str) -> str:
        """The name under which `columns` holds what the user calls `name`.

        Raises:
            UnknownName: If there is no such column.
        """
        found = self._key(name)
        if found is None:
            raise self.no_column(name)
        return found

    def _key(self, name: str) -> str | None:
        if name in self.columns:
            return name
        for canonical, header in self.names.items():
            if header == name:
                return canonical
        alias = recognise(name)
        return alias if alias in self.columns else None

    def no_column(self, name: str) -> UnknownName:
        """The error for a column that is not there."""
        known = {*self.columns, *self.names.values()}
        near = catalogue.unknown(name, known, kind="column").fix
        alias = recognise(name)
        if alias is not None and not near.startswith("did you mean"):
            word = (QUANTITIES[alias].aliases or (alias,))[0]
            near = f"say which column it is with --map {word}=COLUMN; columns: " + short(
                ", ".join(self.headers()), 200
            )
        return UnknownName(
            f"there is no column '{short(name)}'", where=self.source, fix=short(near, 300)
        )

    def headers(self) -> tuple[str, ...]:
        """Column names as the user wrote them."""
        return tuple(self.names.get(name, name) for name in self.columns)

    def place(self, i: int, column: str = "") -> str:
        """Where a cell lies, for messages: file, row, column."""
        where = f"{self.source}, row {self.rows[i]}"
        return f"{where}, column '{short(self.names.get(column, column))}'" if column else where

    def take(self, which: ArrayLike, note: str = "") -> RunTable:
        """The rows of a boolean mask of shape (n,) or of an index array, in that order."""
        index = np.asarray(which)
        if index.dtype == bool and index.shape != (len(self),):
            raise BadOption(
                f"the mask has shape {index.shape}, the table {len(self)} rows",
                where=self.source,
                fix="give one truth value per row",
            )
        if index.dtype != bool:
            index = index.astype(np.int64)
        rows = self.rows[index]
        return replace(
            self,
            columns={name: values[index] for name, values in self.columns.items()},
            rows=rows,
            hash=self._rehash(np.flatnonzero(index) if index.dtype == bool else index),
            notes=(*self.notes, note) if note else self.notes,
        )

    def drop(self, mask: ArrayLike, reason: str, column: str = "") -> RunTable:
        """Without the rows of `mask`, shape (n,), each remembered in `dropped`."""
        out = np.asarray(mask, dtype=bool)
        if not out.any():
            return self
        header = self.names.get(column, column)
        cells = self.columns[self.key(column)] if column else None
        gone = tuple(
            Dropped(int(self.rows[i]), header, "" if cells is None else _shown(cells[i]), reason)
            for i in np.flatnonzero(out)
        )
        return replace(self.take(~out), dropped=(*self.dropped, *gone))

    def with_column(self, name: str, values: ArrayLike, unit: str = "", note: str = "") -> RunTable:
        """With a column added, or replaced if there is one of that name."""
        array = np.array(values)
        array = array.astype(np.float64 if array.dtype.kind in "fiub" else object)
        if array.ndim == 0:
            array = np.full(len(self), array[()], dtype=array.dtype)
        if array.shape != (len(self),):
            raise BadOption(
                f"column '{short(name)}' has shape {array.shape}, the table {len(self)} rows",
                where=self.source,
                fix="give one value per row",
            )
        known = QUANTITIES.get(name)
        units = {**self.units, name: unit or (known.unit if known else "")}
        content = array.tobytes() if array.dtype != object else repr(array.tolist()).encode()
        return replace(
            self,
            columns={**self.columns, name: array},
            units={key: value for key, value in units.items() if value},
            hash=self._rehash(np.frombuffer(name.encode() + content, dtype=np.uint8)),
            notes=(*self.notes, note) if note else self.notes,
        )

    def noted(self, *notes: str) -> RunTable:
        """With notes added."""
        return replace(self, notes=(*self.notes, *notes)) if notes else self

    def complete(self, *names: str) -> RunTable:
        """Without the rows that have no value in one of the named columns."""
        table = self
        for name in names:
            values = table[name]
            empty = np.isnan(values) if values.dtype != object else values == ""
            table = table.drop(empty, "no value", table.key(name))
        return table

    def where(self, expression: str) -> RunTable:
        """The rows for which `expression` holds, such as "lr<1e-3 and group=base".

        Raises:
            BadOption, UnknownName, BadTable: See `forescale.runs.where.choose_rows`.
        """
        from forescale.runs.where import choose_rows

        return choose_rows(self, expression)

    def to_dict_of_columns(self) -> dict[str, list[Any]]:
        """Columns as plain lists, for JSON; NaN stays NaN."""
        return {name: values.tolist() for name, values in self.columns.items()}

    def to_native(self, backend: Literal["pandas", "polars"] = "pandas") -> Any:
        """A pandas or polars frame under canonical names.

        Raises:
            MissingExtra: If that library is not installed.
            BadOption: If it is neither of the two.
        """
        if backend not in ("pandas", "polars"):
            raise BadOption(
                f"there is no backend '{short(backend)}'",
                where="to_native",
                fix="choose pandas or polars",
            )
        import importlib

        try:
            library = importlib.import_module(backend)
        except ImportError:
            raise MissingExtra(
                f"{backend} is not installed", where="to_native", fix=f"pip install {backend}"
            ) from None
        return library.DataFrame(
            {
                name: values.tolist() if values.dtype == object else values.copy()
                for name, values in self.columns.items()
            }
        )

    def _rehash(self, change: NDArray[Any]) -> str:
        return hashlib.sha256(self.hash.encode() + change.tobytes()).hexdigest()

    def __repr__(self) -> str:
        parts = [f"{len(self)} rows"]
        for name in ("N", "D", "n", "C", "L"):
            span = self._span(name)
            if span:
                parts.append(f"{name} {span}")
        if self.dropped:
            parts.append(f"{len(self.dropped)} dropped")
        return f"RunTable({self.source}: {', '.join(parts)})"

    def _span(self, name: str) -> str:
        values = self.columns.get(name)
        if values is None or values.dtype == object or not np.isfinite(values).any():
            return ""
        finite = values[np.isfinite(values)]
        low, high = format_number(finite.min()), format_number(finite.max())
        return low if low == high else f"{low}..{high}"

    def summary(self) -> str:
        """What was read, what was left out, and every doubt: a paragraph for people."""
        lines = [f"{len(self)} rows from {self.source} (sha256 {self.hash[:12]})"]
        for name in self.columns:
            if name in QUANTITIES:
                unit = f" {self.units[name]}" if self.units.get(name) else ""
                header = self.names.get(name, "")
                read_as = f", read from '{header}'" if header not in ("", name) else ""
                span = self._span(name) or "labels"
                lines.append(f"  {name}: {span}{unit}{read_as}")
        lines.extend(f"  note: {note}" for note in self.notes)
        lines.extend(f"  dropped {d}" for d in self.dropped[:10])
        if len(self.dropped) > 10:
            lines.append(f"  ... and {len(self.dropped) - 10} more dropped rows")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        def line(cells: Sequence[str], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

        shown = range(min(len(self), 10))
        body = [
            line([str(self.rows[i]), *(_shown(v[i]) for v in self.columns.values())], "td")
            for i in shown
        ]
        head = line(["row", *self.columns], "th")
        return (
            f"<div><p>{escape(repr(self))}</p><table><thead>{head}</thead>"
            f"<tbody>{''.join(body)}</tbody></table></div>"
        )


def _shown(value: Any) -> str:
    return short(value) if isinstance(value, str) else format_number(float(value), 6)
