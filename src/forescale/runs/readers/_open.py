"""Opening what the user pointed at: paths, stdin, gzip; the bytes, not yet their meaning."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import os
import sys
import zlib
from pathlib import Path
from typing import Any

from forescale.errors import BadTable
from forescale.quantities import short
from forescale.runs.readers import Source, path_suffix

# What the first bytes of files that people hand us by mistake give away.
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive (or an Excel workbook)", "save the sheet as CSV, or unzip it"),
    (b"SQLite format 3", "an SQLite database", "export the runs as CSV or Parquet"),
    (b"\xfd7zXZ", "an xz archive", "unpack it first"),
    (b"BZh", "a bzip2 archive", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it first"),
    (b"%PDF", "a PDF", "give the table as CSV"),
    (b"\x89PNG", "a picture", "give the table as CSV"),
    (b"\x93NUMPY", "a NumPy array", "give named columns: a dict of arrays or a CSV"),
    (b"\x80\x04\x95", "a pickle", "save the table as CSV or Parquet"),
    (b"<!DOCTYPE", "a web page", "download the raw file behind it"),
    (b"<html", "a web page", "download the raw file behind it"),
    (b"version https://git-lfs", "a Git LFS pointer", "run `git lfs pull`"),
)


def open_source(source: Any) -> Source:
    """Bytes of a path, of "-" (stdin), or the object itself.

    Raises:
        BadTable: If the file is missing, empty, a directory, unreadable, a truncated
            gzip, or of a kind no reader knows.
    """
    if isinstance(source, str) and source == "-":
        return _opened("stdin", sys.stdin.buffer.read(), "")
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return _opened(short(path.name or str(path), 80), _bytes_of(path), path_suffix(path))
    if isinstance(source, (bytes, bytearray)):
        raise BadTable(
            "got bytes, not a path",
            where="source",
            fix="write them to a file, or pass a data frame",
        )
    return Source(name=type(source).__name__, obj=source)


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except IsADirectoryError:
        tables = sorted(
            p.name
            for p in path.iterdir()
            if p.suffix in {".csv", ".tsv", ".json", ".jsonl", ".parquet", ".gz"}
        )[:3]
        hint = f"name a file in it, such as {', '.join(tables)}" if tables else "name a file"
        raise BadTable("this is a folder, not a table", where=short(path, 80), fix=hint) from None
    except FileNotFoundError:
        raise BadTable("there is no such file", where=short(path, 80), fix=_near(path)) from None
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        reason = getattr(problem, "strerror", None) or str(problem)
        raise BadTable(
            f"cannot be opened ({short(reason)})",
            where=short(path, 80),
            fix="check the name and its permissions",
        ) from None


def _near(path: Path) -> str:
    try:
        neighbours = [p.name for p in path.parent.iterdir()]
    except OSError:
        return f"there is no folder '{short(path.parent)}' either"
    close = difflib.get_close_matches(path.name, neighbours, n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return f"check the name; the folder holds {len(neighbours)} other files"


def _opened(name: str, data: bytes, suffix: str) -> Source:
    digest = hashlib.sha256(data).hexdigest()
    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (EOFError, OSError, zlib.error):
            raise BadTable(
                "the gzip file is cut short or damaged", where=name, fix="copy it again"
            ) from None
    if not data.strip():
        raise BadTable(
            "the file is empty",
            where=name,
            fix="give a table with a header line and one line per run",
        )
    for magic, kind, fix in _FOREIGN:
        if data.startswith(magic):
            raise BadTable(f"this is {kind}, not a table of runs", where=name, fix=fix)
    return Source(name=name, data=data, suffix=suffix, digest=digest)
