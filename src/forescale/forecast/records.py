"""Forecasts on record: dated, hashed and chained before the truth is known.

A file of JSON lines that is only ever added to. Each line carries the hash of the line before it
and of itself, so that a line changed, removed or moved later is seen. A file rewritten from its
first line to its last is not: whoever wants to prove a date publishes the newest hash.

Source: Haber & Stornetta 1991, "How to Time-Stamp a Digital Document" (the chain of hashes).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forescale import files
from forescale.errors import BadOption, BadTable, UnknownName
from forescale.forecast._question import analysis, digest

if TYPE_CHECKING:
    from forescale.forecast import Forecast

SCHEMA = 1
#: Name of the file in a folder of records.
FILE = "forecasts.jsonl"
#: Digits of a hash that name a record.
DIGITS = 8


@dataclass(frozen=True)
class Place:
    """What a record says of one run that nobody has made.

    Args:
        inputs: Where.
        quantiles: Of what a new run would measure, by probability.
        rivals: What the naive forecasts said.
        decades: How far beyond the data.
        group: Whose parameters.
    """

    inputs: Mapping[str, float]
    quantiles: Mapping[float, float]
    rivals: Mapping[str, float]
    decades: float
    group: str | None


@dataclass(frozen=True)
class Record:
    """One forecast on record.

    Args:
        hash: sha256 of its line, the line before it included; the first digits are its name.
        date: When it was made, UTC.
        question: sha256 of what was asked: data, law, places and every choice on the way.
        source: Table it was made from.
        data_hash: The content of the rows that were used.
        table_hash: The content of the table they were chosen from.
        law, formula: The law.
        output: What is forecast, such as "L".
        relative: Whether errors are judged as shares of the truth.
        by: Column of the groups, or None.
        level: Level of the intervals that were shown.
        trusted: Whether the verdict was to bet on it.
        verdict: The verdict.
        places: The runs forecast.
    """

    hash: str
    date: str
    question: str
    source: str
    data_hash: str
    table_hash: str
    law: str
    formula: str
    output: str
    relative: bool
    by: str | None
    level: float
    trusted: bool
    verdict: str
    places: tuple[Place, ...]

    @property
    def id(self) -> str:
        """The name of the record: the first digits of its hash."""
        return self.hash[:DIGITS]

    def name(self, place: int) -> str:
        """The name of one of its places, counted from 0: "1a2b3c4d", "1a2b3c4d.2" of several."""
        return self.id if len(self.places) == 1 else f"{self.id}.{place + 1}"


@dataclass(frozen=True)
class Truth:
    """What a run measured in the end.

    Args:
        of: Name of the place.
        value: The measurement.
        where: Where it was told.
        date: When it was put on record, UTC; empty while it is not.
    """

    of: str
    value: float
    where: str
    date: str = ""


@dataclass(frozen=True)
class Register:
    """A file of records, its chain whole.

    Args:
        source: The file.
        records: The forecasts, oldest first.
        truths: The truths told so far, oldest first.
        head: Hash of the newest line, which vouches for all before it; "" if there is none.
    """

    source: str
    records: tuple[Record, ...]
    truths: tuple[Truth, ...]
    head: str

    def find(self, name: str) -> tuple[Record, int]:
        """The record and the place that a name stands for; the start of a name is enough.

        Raises:
            UnknownName: If no record, or more than one, is called so.
            BadOption: If the record has several places and none, or one it lacks, is named.
        """
        start, dot, number = name.strip().lower().partition(".")
        found = [r for r in self.records if start and r.hash.startswith(start)]
        if len(found) != 1:
            known = ", ".join(r.id for r in (found or self.records)[:8]) or "none"
            what = f"'{name}' names {len(found)} records" if found else f"there is no '{name}'"
            raise UnknownName(what, where=self.source, fix=f"records: {known}")
        record = found[0]
        n = len(record.places)
        if not dot and n == 1:
            return record, 0
        if not (number.isdecimal() and 1 <= int(number) <= n):
            raise BadOption(
                f"record {record.id} forecasts {n} runs; '{name}' names none of them",
                where=self.source,
                fix=f"write {record.name(0)}" + (f" to {record.name(n - 1)}" if n > 1 else ""),
            )
        return record, int(number) - 1


def place_of(path: Path | str) -> Path:
    """The file of records that a path means: itself, or `FILE` in a folder."""
    path = Path(path)
    return path / FILE if path.is_dir() else path


def register(
    forecast: Forecast, path: Path | str, *, now: datetime | None = None
) -> tuple[Record, bool]:
    """The forecast put on record, and whether it is new: a question asked again stays as it was.

    Args:
        forecast: The forecast.
        path: File to add it to, made if there is none, or a folder.
        now: The time it is dated with; the clock's by default.

    Raises:
        BadTable: If the file holds no records, or its chain is broken.
        BadOption: If the file cannot be written.
    """
    file = place_of(path)
    question = _question(forecast)
    content = {
        "kind": "forecast record",
        "schema": SCHEMA,
        "date": _date(now),
        **_content(forecast),
        "question": question,
    }
    kept: list[Record] = []

    def line(text: str) -> str:
        before = parse(text, source=str(file))
        kept.extend(r for r in before.records if r.question == question)
        return "" if kept else _sealed(content, before.head)

    text = _append(file, line)
    if kept:
        return kept[0], False
    made = parse(text, source=str(file)).records
    return next(r for r in reversed(made) if r.question == question), True


def settle(path: Path | str, truths: Sequence[Truth], *, now: datetime | None = None) -> None:
    """Put truths on record, so that the forecasts stay scored.

    Args:
        path: File of the records, or its folder.
        truths: What came true, each of a place of `Register.find`.
        now: As in `register`.

    Raises:
        BadTable: If the chain is broken.
        BadOption: If the file cannot be written.
    """
    file = place_of(path)

    def lines(text: str) -> str:
        head, out = parse(text, source=str(file)).head, ""
        for t in truths:
            told = {"kind": "truth", "schema": SCHEMA, "date": _date(now)}
            line = _sealed({**told, "of": t.of, "value": t.value, "where": t.where}, head)
            head, out = json.loads(line)["hash"], out + line
        return out

    _append(file, lines)


def read(path: Path | str) -> Register:
    """The records of a file, or of a folder, their chain checked.

    Raises:
        BadTable: If there is no such file, it holds something else, or a line was changed,
            removed or moved after it was written; the message names the record.
    """
    file = place_of(path)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise BadTable(
            f"cannot read the records: {why}",
            where=str(file),
            fix="make some with forescale forecast RUNS ... --register FILE",
        ) from None
    return parse(text, source=str(file))


def parse(text: str, *, source: str) -> Register:
    """The records in a text, their chain checked; see `read`."""
    records: list[Record] = []
    truths: list[Truth] = []
    head, before = "", "the start of the file"
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{source}, line {number}"
        content = _object(line, where)
        name = f"{content['kind']} {content['hash'][:DIGITS]} of {content.get('date')}"
        if content["hash"] != _hash(content):
            raise BadTable(
                f"{name} was changed after it was written: its hash does not match",
                where=where,
                fix="bring back the file as it was; changed records are not scored",
            )
        if content["previous"] != head:
            raise BadTable(
                f"{name} does not follow {before}: a line was removed, added or moved",
                where=where,
                fix="bring back the file as it was; changed records are not scored",
            )
        head, before = content["hash"], name
        try:
            if content["kind"] == "truth":
                truths.append(
                    Truth(content["of"], content["value"], content["where"], content["date"])
                )
            else:
                records.append(_record(content))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadTable(
                f"{name} is no record of schema {SCHEMA}: {type(error).__name__} {error}",
                where=where,
            ) from None
    return Register(source, tuple(records), tuple(truths), head)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not {"kind", "hash", "previous"} <= set(content):
        raise BadTable(
            "this is no forecast record, or half of one",
            where=where,
            fix="give a file that forescale forecast --register wrote",
        )
    if content["kind"] not in ("forecast record", "truth") or content.get("schema") != SCHEMA:
        raise BadTable(
            f"a line of kind {content['kind']!r} and schema {content.get('schema')!r} is no record "
            f"of schema {SCHEMA}",
            where=where,
        )
    return {**content, "hash": str(content["hash"])}


def _record(content: Mapping[str, Any]) -> Record:
    return Record(
        **{
            k: content[k] for k in ("hash", "date", "question", "source", "data_hash", "table_hash")
        },
        **{k: content[k] for k in ("law", "formula", "output", "relative", "by", "level")},
        **{k: content[k] for k in ("trusted", "verdict")},
        places=tuple(
            Place(
                inputs=dict(p["inputs"]),
                quantiles={float(t): float(v) for t, v in p["quantiles"].items()},
                rivals=dict(p["rivals"]),
                decades=p["decades_beyond"],
                group=p["group"],
            )
            for p in content["points"]
        ),
    )


def _content(forecast: Forecast) -> dict[str, Any]:
    fit, told = forecast.fit, forecast.to_dict()
    points = [
        {
            "inputs": dict(p.inputs),
            "group": p.group,
            "median": p.band.median,
            "quantiles": {f"{t:g}": v for t, v in p.quantiles.items()},
            "rivals": {k: v for k, v in p.rivals.items() if math.isfinite(v)},
            "decades_beyond": p.distance.decades,
        }
        for p in forecast.points
    ]
    return {
        "source": told["source"],
        "output": fit.law.predicts,
        "unit": fit.runs.units.get(fit.law.predicts, ""),
        "points": points,
        "level": forecast.level,
        "trusted": told["trusted"],
        "verdict": told["verdict"],
        "law": told["law"],
        "formula": told["formula"],
        "mixture": told["mixture"],
        "relative": fit.spec.log_residual,
        "by": fit.spec.by,
        "n_runs": told["n_runs"],
        "data_hash": told["data_hash"],
        "table_hash": fit.runs.origin,
        "version": told["version"],
    }


def _question(forecast: Forecast) -> str:
    """sha256 of all that the user chose: the same words on the same data ask the same."""
    fit = forecast.fit
    return digest(
        {
            **analysis(fit),
            "seed": fit.spec.seed,
            "draws": fit.draws and [fit.draws.method, len(fit.draws.natural), fit.draws.seed],
            "points": [[dict(p.inputs), p.group] for p in forecast.points],
            "level": forecast.level,
            "drift": forecast.drift,
        }
    )


def _date(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _sealed(content: Mapping[str, Any], previous: str) -> str:
    """The line of a record: its content, the hash of the line before, and its own."""
    whole = {**content, "previous": previous}
    return json.dumps({**whole, "hash": _hash(whole)}, ensure_ascii=False, allow_nan=False) + "\n"


def _hash(content: Mapping[str, Any]) -> str:
    return digest({k: v for k, v in content.items() if k != "hash"})


def _append(file: Path, line: Callable[[str], str]) -> str:
    """The text of the file after `line` was added; see `files.append`."""
    try:
        files.append(file, line)
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadTable("this is no text, so it holds no records", where=str(file)) from None
    except OSError as error:
        raise BadOption(
            f"cannot write '{file}': {error.strerror or error}",
            where="--register",
            fix="name a file in a folder that exists and that you may write to",
        ) from None
