"""How forecasts on record fared once the truth was known."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.forecast.records import Place, Record, Register, Truth
from forescale.forecast.scores import interval_score, weighted_interval_score
from forescale.maths.binomial import share_interval
from forescale.quantities import format_number
from forescale.runs import RunTable
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Levels of the intervals that a record is held to.
LEVELS = (0.5, 0.8, 0.9, 0.95)
#: The naive forecast that a law must beat.
LINE = "straight line"
#: A run of the truth is the run forecast if each input agrees to this share.
WITHIN = 0.01


@dataclass(frozen=True)
class Scored:
    """One forecast against its truth.

    Args:
        id: Name of the place in the records.
        date: When it was put on record.
        law: The law.
        source: Table it was made from.
        trusted: Whether the verdict was to bet on it.
        output: What was forecast.
        inputs: Where.
        group: Whose parameters.
        decades: How far beyond the data.
        truth: What came true.
        where: Where that was told.
        median: The forecast.
        ends: Ends of the interval at each of `LEVELS`.
        error: Forecast minus truth, in the unit of the output.
        error_pct: The same in per cent of the truth; None where the output is a score.
        z: Truth minus forecast in predictive standard deviations (half the central 68 %).
        interval_scores: Interval score at each of `LEVELS`; in the unit of the output.
        wis: Weighted interval score, near the CRPS; in the unit of the output.
        rivals: Error of each naive forecast on the same record, as `error`.
        cluster: Records of one number err together.
    """

    id: str
    date: str
    law: str
    source: str
    trusted: bool
    output: str
    inputs: Mapping[str, float]
    group: str | None
    decades: float
    truth: float
    where: str
    median: float
    ends: Mapping[float, tuple[float, float]]
    error: float
    error_pct: float | None
    z: float
    interval_scores: Mapping[float, float]
    wis: float
    rivals: Mapping[str, float]
    cluster: int = 0

    def inside(self, level: float) -> bool:
        """Whether the truth lies in the interval of this level."""
        lo, hi = self.ends[level]
        return lo <= self.truth <= hi

    def to_dict(self) -> dict[str, Any]:
        """As plain values; levels in words."""
        out = {k: v for k, v in vars(self).items() if k not in ("ends", "interval_scores")}
        return {
            **out,
            "inputs": dict(self.inputs),
            "rivals": dict(self.rivals),
            "intervals": {
                f"{level:g}": {
                    "lo": lo,
                    "hi": hi,
                    "inside": self.inside(level),
                    "score": self.interval_scores[level],
                }
                for level, (lo, hi) in self.ends.items()
            },
        }


@dataclass(frozen=True)
class Coverage:
    """How many truths lay in the intervals of one level.

    Args:
        level: What the intervals promised.
        inside: Truths inside.
        of: Truths in all.
        effective: Independent truths they are worth, a cluster of records counting as one.
        lo, hi: Interval (95 %) of the share that such intervals hold.
    """

    level: float
    inside: int
    of: int
    effective: float
    lo: float
    hi: float

    @property
    def share(self) -> float:
        """Share of truths inside."""
        return self.inside / self.of

    @property
    def kept(self) -> bool:
        """Whether the promise is within what the count leaves open."""
        return self.lo <= self.level <= self.hi


@dataclass(frozen=True)
class Scorecard(Summarised):
    """How the forecasts of a file of records fared.

    Args:
        source: The file.
        head: Hash of its newest line.
        scored: Forecasts whose truth is known, in the order of the records.
        open: Forecasts whose truth is not: name, date, law, inputs, median.
        notes: What the reader should know about the truths.
        truths: The truths used that the file does not hold yet.
    """

    source: str
    head: str
    scored: tuple[Scored, ...]
    open: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    truths: tuple[Truth, ...] = ()

    @property
    def clusters(self) -> int:
        """Groups of records that err independently of each other."""
        return len({s.cluster for s in self.scored})

    @property
    def coverage(self) -> tuple[Coverage, ...]:
        """Coverage at each of `LEVELS`; empty while no truth is known.

        Records of one table, or settled by one run, may all err together, and each group of them
        counts as one: n independent records are worth (sum m)^2 / sum m^2, m the group sizes
        (Kish's effective number at full correlation).
        """
        if not self.scored:
            return ()
        sizes = np.unique([s.cluster for s in self.scored], return_counts=True)[1]
        n, effective = len(self.scored), float(sizes.sum() ** 2 / (sizes**2).sum())
        out = []
        for level in LEVELS:
            inside = sum(s.inside(level) for s in self.scored)
            lo, hi = share_interval(inside / n * effective, effective)
            out.append(Coverage(level, inside, n, effective, lo, hi))
        return tuple(out)

    @property
    def error_pct(self) -> float:
        """Mean absolute error in per cent of the truth; NaN while there is none."""
        return _mean([abs(s.error_pct) for s in self.scored if s.error_pct is not None])

    def rival_pct(self, name: str = LINE) -> float:
        """The same of a naive forecast, on the records that hold it."""
        return _mean(
            [
                100 * abs(s.rivals[name] / s.truth)
                for s in self.scored
                if s.error_pct is not None and name in s.rivals
            ]
        )

    @property
    def skill(self) -> float:
        """Mean of (line's error - WIS) / (the larger of the two); NaN while no truth is known.

        1 is perfect, 0 no better than the straight line, -1 hopeless. For a forecast without
        intervals the weighted interval score is the absolute error, so the two are of one kind.
        """
        both = [(s.wis, abs(s.rivals[LINE])) for s in self.scored if LINE in s.rivals]
        return _mean([(line - own) / max(line, own) for own, line in both if max(line, own) > 0])

    @property
    def doubts(self) -> tuple[str, ...]:
        """What speaks against believing such forecasts."""
        out = [
            f"{100 * c.level:.0f} % intervals held {c.inside} of {c.of} truths"
            for c in self.coverage
            if c.hi < c.level
        ]
        if self.rival_pct() < self.error_pct:
            out.append(
                f"a straight line on log-log axes came nearer to the truth "
                f"({self.rival_pct():.2g} % against {self.error_pct:.2g} %)"
            )
        return tuple(out)

    def __repr__(self) -> str:
        return f"Scorecard({self.source}: {self._line()})"

    def _line(self) -> str:
        if not self.scored:
            return f"none scored, {len(self.open)} open"
        ninety = next(c for c in self.coverage if c.level == 0.9)
        return (
            f"{len(self.scored)} scored, {len(self.open)} open; error {self.error_pct:.2g} %, "
            f"straight line {self.rival_pct():.2g} %; 90 % intervals held {ninety.inside} of "
            f"{ninety.of}"
        )

    def summary(self) -> str:
        """One line per forecast, then how they fared together."""
        lines = [
            f"{s.id}: {s.output} = {format_number(s.median)} forecast, {format_number(s.truth)} "
            f"true, {'inside' if s.inside(0.9) else 'OUTSIDE'} the 90 % interval"
            for s in self.scored
        ]
        lines += [f"{o['id']}: open" for o in self.open]
        return "\n".join([*lines, self._line(), *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """The scorecard as plain values."""
        return {
            "schema": 1,
            "kind": "scorecard",
            "records": self.source,
            "head": self.head,
            "scored": [s.to_dict() for s in self.scored],
            "open": [dict(o) for o in self.open],
            "coverage": [{**vars(c), "share": c.share, "kept": c.kept} for c in self.coverage],
            "clusters": self.clusters,
            "error_pct": self.error_pct,
            "rivals_pct": {
                name: self.rival_pct(name)
                for name in dict.fromkeys(k for s in self.scored for k in s.rivals)
            },
            "skill": self.skill,
            "doubts": list(self.doubts),
            "notes": list(self.notes),
        }


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def score(
    register: Register,
    truths: Mapping[str, float] | None = None,
    table: RunTable | None = None,
    *,
    within: float = WITHIN,
) -> Scorecard:
    """The records held against the truth; those without one stay open.

    A truth given by name goes before one found in the table, and both before one that is on
    record already.

    Args:
        register: The records.
        truths: Measurements by name of the record (`Record.name`, or the start of it).
        table: Run table in which the runs forecast are found by their inputs. Several runs at
            one place, seeds say, count with their mean.
        within: By which share an input of the table may differ from that of the forecast.

    Raises:
        UnknownName: If there is no record of a name.
        BadOption: If a name tells no single place, a truth is no number that can be, or `within`
            is no share.
    """
    if not 0 <= within < 1:
        raise BadOption(f"within {within:g} is no share", fix="as in --within 1%")
    known = {t.of: t for t in register.truths}
    notes = []
    for first, later in _pairs(register.truths):
        notes.append(
            f"{first.of} was settled as {format_number(first.value, 6)}, and later as "
            f"{format_number(later.value, 6)}: the later counts"
        )
    told = {t.of: t for t in _named(register, truths or {})}
    scored: list[Scored] = []
    still: list[Mapping[str, Any]] = []
    fresh: list[Truth] = []
    for record in register.records:
        for k, place in enumerate(record.places):
            name = record.name(k)
            found = told.get(name)
            if found is None and table is not None:
                found = _measured(record, name, place, table, within, notes)
            on_record = known.get(name)
            if found is not None and (on_record is None or found.value != on_record.value):
                fresh.append(found)
            truth = found or on_record
            if truth is None:
                still.append(
                    {
                        "id": name,
                        "date": record.date,
                        "law": record.law,
                        "output": record.output,
                        "inputs": dict(place.inputs),
                        "group": place.group,
                        "median": place.quantiles[0.5],
                    }
                )
            else:
                scored.append(_score(record, name, place, truth))
    return Scorecard(
        register.source,
        register.head,
        _clustered(scored, register.records),
        tuple(still),
        tuple(notes),
        tuple(fresh),
    )


def _pairs(truths: Sequence[Truth]) -> list[tuple[Truth, Truth]]:
    """Truths of one place that differ, each with the one that replaced it."""
    seen: dict[str, Truth] = {}
    out = []
    for t in truths:
        if t.of in seen and seen[t.of].value != t.value:
            out.append((seen[t.of], t))
        seen[t.of] = t
    return out


def _named(register: Register, truths: Mapping[str, float]) -> list[Truth]:
    out = []
    for word, value in truths.items():
        record, k = register.find(word)
        if not np.isfinite(value) or (record.relative and value <= 0):
            raise BadOption(
                f"{record.output} of {word} is {value:g}",
                where="--truth",
                fix=f"give what the run measured, as in {word}=2.345",
            )
        out.append(Truth(record.name(k), float(value), "given"))
    return out


def _measured(
    record: Record, name: str, place: Place, table: RunTable, within: float, notes: list[str]
) -> Truth | None:
    """The truth of a place, if the table has runs there."""
    if table.origin and table.origin == record.table_hash:
        note = f"{table.source} is the table that {record.id} was made from: no truth for it"
        if note not in notes:
            notes.append(note)
        return None
    if any(c not in table or table[c].dtype == object for c in (*place.inputs, record.output)):
        return None
    y = np.asarray(table[record.output], float)
    here = np.isfinite(y) & ((y > 0) | (not record.relative))
    for column, wanted in place.inputs.items():
        v = np.asarray(table[column], float)
        here &= np.abs(v - wanted) <= within * abs(wanted)
    if record.by is not None and place.group is not None:
        here &= _group(table, record.by) == place.group
    index = np.flatnonzero(here)
    if not len(index):
        return None
    rows = ", ".join(str(r) for r in table.rows[index][:5]) + (", ..." if len(index) > 5 else "")
    where = f"{table.source}, row{'s' if len(index) > 1 else ''} {rows}"
    if len(index) > 1:
        notes.append(f"{name}: the truth is the mean of {len(index)} runs ({where})")
    return Truth(name, float(np.mean(y[index])), where)


def _group(table: RunTable, by: str) -> NDArray[Any]:
    from forescale.fit._build import groups_of

    if by not in table:
        return np.full(len(table), None, object)
    names, index = groups_of(table, by)
    return np.array(names, object)[index]


def _score(record: Record, name: str, place: Place, truth: Truth) -> Scored:
    q, y = place.quantiles, truth.value
    ends = {level: (_at(q, 0.5 - level / 2), _at(q, 0.5 + level / 2)) for level in LEVELS}
    # The grid has no 16 % and 84 %: the nearest quantiles tell the same of a bell.
    sd = (_at(q, 0.85) - _at(q, 0.15)) / (2 * NormalDist().inv_cdf(0.85))
    median = _at(q, 0.5)
    error = median - y
    return Scored(
        id=name,
        date=record.date,
        law=record.law,
        source=record.source,
        trusted=record.trusted,
        output=record.output,
        inputs=place.inputs,
        group=place.group,
        decades=place.decades,
        truth=y,
        where=truth.where,
        median=median,
        ends=ends,
        error=error,
        error_pct=100 * error / y if record.relative else None,
        z=-error / max(sd, 1e-300),
        interval_scores={
            level: interval_score(np.array([y]), np.array([lo]), np.array([hi]), level)
            for level, (lo, hi) in ends.items()
        },
        wis=weighted_interval_score(y, q),
        rivals={k: v - y for k, v in place.rivals.items()},
    )


def _at(quantiles: Mapping[float, float], p: float) -> float:
    """The quantile at a probability that the grid holds, whatever its last digit."""
    return quantiles[min(quantiles, key=lambda t: abs(t - p))]


def _clustered(scored: Sequence[Scored], records: Sequence[Record]) -> tuple[Scored, ...]:
    """With the number of the cluster that each belongs to.

    Forecasts err together if their tables share content or name (a table that grew), or if one
    run settled them.
    """
    by_id = {r.name(k): r for r in records for k in range(len(r.places))}
    cluster_of: dict[Hashable, int] = {}
    numbers: list[int] = []
    for s in scored:
        record = by_id[s.id]
        run = (s.output, tuple(sorted(s.inputs.items())), s.group, s.truth)
        keys: list[Hashable] = [("table", record.table_hash or record.data_hash), run]
        if "." in record.source:
            # A file's name; tables from memory are all called after their kind.
            keys.append(("file", record.source))
        joined = {cluster_of[k] for k in keys if k in cluster_of}
        number = min(joined, default=len(numbers))
        # Whoever links two clusters makes one of them.
        cluster_of = {k: number if v in joined else v for k, v in cluster_of.items()}
        numbers = [number if v in joined else v for v in numbers]
        numbers.append(number)
        cluster_of.update(dict.fromkeys(keys, number))
    order = {v: k for k, v in enumerate(dict.fromkeys(numbers))}
    return tuple(replace(s, cluster=order[n]) for s, n in zip(scored, numbers, strict=True))
