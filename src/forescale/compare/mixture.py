"""Which part of a data mixture drives which loss, over runs that differ in their mixture.

Source: Erb 2020, "Partial Correlations in Compositional Data Analysis"; Aitchison & Bacon-Shone
1984, "Log Contrast Models for Experiments with Mixtures"; mixtures as experiments as in Liu et
al. 2024, "RegMix: Data Mixture as Regression for Language Model Pre-training".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.compare import composition
from forescale.compare.ranking import columns
from forescale.errors import BadOption, BadTable, check_level
from forescale.quantities import format_number, short
from forescale.runs import RunTable
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Factors on what stands for a zero, under which a driver must stay one.
SHIFTS = (0.1, 10.0)
#: Share of a row that zeros may take where they are put larger.
MOST = 0.5
#: Parts told per outcome.
TOLD = 3


@dataclass(frozen=True)
class Driver:
    """How one part of the mixture goes with one outcome, the other parts given.

    Args:
        part: The part.
        outcome: The outcome.
        correlation: Partial correlation over log-ratios, whichever part they are taken to.
        lo: Lower end of its interval.
        hi: Upper end.
        slope: Change of the outcome per e-fold more of the part, taken from all others alike,
            in the outcome's unit.
        spread: Least and greatest correlation with zeros put ten times smaller and larger;
            None where nothing was zero.
    """

    part: str
    outcome: str
    correlation: float
    lo: float
    hi: float
    slope: float
    spread: tuple[float, float] | None

    @property
    def told(self) -> bool:
        """Whether the sign is known, whatever stands for a zero."""
        same = self.spread is None or self.spread[0] * self.spread[1] > 0
        return self.lo * self.hi > 0 and same

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "part": self.part,
            "outcome": self.outcome,
            "correlation": self.correlation,
            "interval": [self.lo, self.hi],
            "slope": self.slope,
            "with_other_zeros": None if self.spread is None else list(self.spread),
            "told": self.told,
        }


@dataclass(frozen=True, eq=False)
class Mixture(Summarised):
    """What the parts of a mixture do to each outcome.

    Args:
        parts: Columns of the shares.
        outcomes: Columns of the outcomes.
        drivers: Every part with every outcome, by outcome, the most lowering part first.
        explained: Share of each outcome's variance that a log-contrast explains.
        zeros: Shares that were zero.
        filled: What stands for a zero.
        rows: Runs used.
        source: Where they came from.
        hash: Hash of the runs.
        level: Level of the intervals.
        resamples: Resamples behind them.
        seed: Seed of everything random.
        notes: What the user should know.
    """

    parts: tuple[str, ...]
    outcomes: tuple[str, ...]
    drivers: tuple[Driver, ...]
    explained: tuple[float, ...]
    zeros: int
    filled: float | None
    rows: int
    source: str
    hash: str
    level: float
    resamples: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not to bet on it."""
        out = []
        if not any(d.told for d in self.drivers):
            out.append("no part's sign is known")
        weak = [o for o, e in zip(self.outcomes, self.explained, strict=True) if e < 0.5]
        if weak:
            out.append(f"a log-contrast explains less than half of {', '.join(map(short, weak))}")
        return tuple(out)

    @property
    def trusted(self) -> bool:
        """Whether we would bet on it."""
        return not self.reasons

    def of(self, outcome: str) -> tuple[Driver, ...]:
        """The parts' drivers of one outcome, the most lowering first."""
        return tuple(d for d in self.drivers if d.outcome == outcome)

    def __repr__(self) -> str:
        told = sum(d.told for d in self.drivers)
        return (
            f"Mixture({len(self.parts)} parts, {len(self.outcomes)} outcomes, {self.rows} runs: "
            f"{told} of {len(self.drivers)} signs told)"
        )

    def summary(self) -> str:
        """The strongest parts of each outcome, and every doubt."""
        lines = [
            f"partial correlations of {len(self.parts)} parts with each outcome, the other parts "
            f"given, over {self.rows} runs ({100 * self.level:.0f} % intervals)"
        ]
        for outcome, explained in zip(self.outcomes, self.explained, strict=True):
            all_ = [d for d in self.of(outcome) if d.told]
            down = [d for d in all_ if d.correlation < 0][:TOLD]
            up = [d for d in reversed(all_) if d.correlation > 0][:TOLD]
            told = [f"lowered by {_said(down)}"] if down else []
            told += [f"raised by {_said(up)}"] if up else []
            words = "; ".join(told) or "no part told"
            lines.append(f"  {short(outcome)}: {words}; {explained:.0%} explained")
        lines += [f"note: {n}" for n in self.notes]
        lines += [f"would not bet on it: {r}" for r in self.reasons]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        from forescale import __version__

        return {
            "schema": 1,
            "kind": "mixture",
            "parts": list(self.parts),
            "outcomes": list(self.outcomes),
            "drivers": [d.to_dict() for d in self.drivers],
            "explained": dict(zip(self.outcomes, self.explained, strict=True)),
            "zeros": self.zeros,
            "zero_stands_as": self.filled,
            "rows": self.rows,
            "trusted": self.trusted,
            "reasons": list(self.reasons),
            "level": self.level,
            "resamples": self.resamples,
            "seed": self.seed,
            "source": self.source,
            "hash": self.hash,
            "notes": list(self.notes),
            "version": __version__,
        }


def mixture(
    runs: RunTable,
    parts: Sequence[str],
    outcomes: Sequence[str],
    *,
    zero: float | None = None,
    level: float = 0.9,
    resamples: int = 400,
    seed: int = 0,
) -> Mixture:
    """Which part of a mixture goes with which outcome, the other parts given.

    Args:
        runs: A row per run.
        parts: Columns of the shares, or patterns such as "w_*"; they are scaled to add up to one.
        outcomes: Columns of the outcomes, such as losses per domain, or patterns.
        zero: What stands for a share of zero; by default 0.65 of the smallest above it.
        level: Level of the intervals.
        resamples: Resamples of the runs.
        seed: Their seed.

    Raises:
        UnknownName, BadOption: If a column does not exist or an option cannot be used.
        BadTable: If shares are negative, too few runs, or parts follow from each other.
    """
    check_level(level)
    if resamples < 99:
        raise BadOption(f"{resamples} resamples", fix="use 99 or more")
    names = [c for word in parts for c in columns(runs, word, "--parts")]
    targets = [c for word in outcomes for c in columns(runs, word, "--metrics")]
    if len(set(names)) < 3 or len(set(names)) < len(names) or not targets:
        raise BadOption(
            f"{len(names)} parts ({len(set(names))} different) and {len(targets)} outcomes",
            where="--parts",
            fix="name three or more parts once each, and an outcome with --metrics",
        )
    if set(names) & set(targets):
        raise BadOption("a column is both a part and an outcome", where="--parts")
    table = runs.complete(*names, *targets)
    raw = _numbers(table, names)
    y = _numbers(table, targets)
    p, zeros = composition.replace_zeros(raw, zero)
    closed = composition.close(raw)
    filled = None if not zeros else zero or composition.REPLACED * float(closed[closed > 0].min())
    found = composition.drives(p, y)
    slopes, explained = composition.contrast(p, y)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(p), np.full(len(p), 1 / len(p)), size=resamples)
    draws = composition.drives(p, y, drawn.astype(float))
    tail = 0.5 * (1 - level)
    lo, hi = np.quantile(draws, [tail, 1 - tail], axis=0)
    others = [found]
    if filled is not None:
        room = MOST / int((closed == 0).sum(axis=1).max())
        for shift in SHIFTS:
            again, _ = composition.replace_zeros(raw, min(shift * filled, room))
            others.append(composition.drives(again, y))
    low, high = np.min(others, axis=0), np.max(others, axis=0)
    header = [runs.names.get(c, c) for c in names]
    heads = [runs.names.get(c, c) for c in targets]
    told = [
        Driver(
            part=header[i],
            outcome=heads[j],
            correlation=float(found[i, j]),
            lo=float(lo[i, j]),
            hi=float(hi[i, j]),
            slope=float(slopes[i, j]),
            spread=(float(low[i, j]), float(high[i, j])) if filled is not None else None,
        )
        for j in range(len(targets))
        for i in np.argsort(found[:, j])
    ]
    return Mixture(
        parts=tuple(header),
        outcomes=tuple(heads),
        drivers=tuple(told),
        explained=tuple(float(e) for e in explained),
        zeros=zeros,
        filled=filled,
        rows=len(table),
        source=runs.source,
        hash=table.hash,
        level=level,
        resamples=resamples,
        seed=seed,
        notes=_notes(zeros, raw.size, filled, len(runs) - len(table)),
    )


def _numbers(table: RunTable, names: Sequence[str]) -> Array:
    for name in names:
        if table[name].dtype == object:
            raise BadTable(
                f"column '{short(name)}' is not numbers", where=table.source, fix="leave it out"
            )
    return np.column_stack([np.asarray(table[name], float) for name in names])


def _said(drivers: Sequence[Driver]) -> str:
    return ", ".join(
        f"{short(d.part)} {d.correlation:+.2f} [{d.lo:+.2f}, {d.hi:+.2f}]" for d in drivers
    )


def _notes(zeros: int, size: int, filled: float | None, dropped: int) -> tuple[str, ...]:
    out = []
    if filled is not None:
        out.append(
            f"{zeros} of {size} shares are zero and stand as {format_number(filled, 2)}, the rest "
            "of the row shrunk alike; told is only what keeps its sign at a tenth and at ten times "
            "as much"
        )
    if dropped:
        out.append(f"{dropped} runs without all shares and outcomes are left out")
    return tuple(out)
