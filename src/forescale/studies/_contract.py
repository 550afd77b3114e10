"""What a study is: a published claim, a check that computes, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from forescale.errors import BadTable
from forescale.quantities import format_number

Word = Literal["holds", "fails", "undecided"]
Progress = Callable[[str], None]

SCHEMA = 1


@dataclass(frozen=True)
class Number:
    """A measured number, its interval, and the limit the claim sets it.

    Args:
        value: The estimate.
        lo: Lower end of its 95 % interval.
        hi: Upper end.
        unit: Unit; "1" for a pure number.
        what: What was measured, one phrase.
        least: The claim needs the number at or above this; None where it does not care.
        most: The claim needs it at or below this.
    """

    value: float
    lo: float
    hi: float
    unit: str = "1"
    what: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def limited(self) -> bool:
        """Whether the verdict hangs on this number."""
        return self.least is not None or self.most is not None

    @property
    def verdict(self) -> Word:
        """Whether the interval keeps its limits, is all beyond one, or straddles one."""
        low = -float("inf") if self.least is None else self.least
        high = float("inf") if self.most is None else self.most
        # Written so that a NaN keeps no limit and breaks none.
        if low <= self.lo and self.hi <= high:
            return "holds"
        return "fails" if self.hi < low or self.lo > high else "undecided"

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        value, lo, hi = (format_number(v, 3) for v in (self.value, self.lo, self.hi))
        text = f"{value}{unit} ({lo} to {hi})" if self.lo != self.hi else f"{value}{unit}"
        limits = [
            f"{word} {format_number(limit, 3)}"
            for word, limit in (("at least", self.least), ("at most", self.most))
            if limit is not None
        ]
        return f"{text}, needs {' and '.join(limits)}" if limits else text

    def to_dict(self) -> dict[str, Any]:
        """The number as plain values, with its own verdict where the claim limits it."""
        return {**vars(self), "verdict": self.verdict if self.limited else None}


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Args:
        numbers: Name to number.
        verdict: "holds", "fails" or "undecided".
        why: One line: the numbers that decided.
        data: What was measured: a shipped table with its hash, or the simulation in words.
    """

    numbers: Mapping[str, Number]
    verdict: Word
    why: str
    data: tuple[str, ...] = ()


class Check(Protocol):
    """Tests a claim; the same arguments give the same outcome.

    `rerun` asks for the full run, `falsified` for a world in which the claim is false: a
    check that says "holds" there has no teeth, and the tests see to it that none does.
    """

    def __call__(
        self, *, rerun: bool, seed: int, progress: Progress, falsified: bool = False
    ) -> Outcome: ...


@dataclass(frozen=True)
class Study:
    """One published claim and how to test it.

    Args:
        name: The word users type; the file's name.
        papers: Titles of the papers that state the claim.
        claim: The claim, one sentence.
        criteria: When the verdict is "holds": the limits, in words.
        check: The test.
        full: What `rerun` does more than the quick check.
        falsified: How the false world differs, for the control.
        note: Where our test departs from the paper's, and what it cannot say.
    """

    name: str
    papers: tuple[str, ...]
    claim: str
    criteria: str
    check: Check
    full: str
    falsified: str
    note: str = ""

    def summary(self) -> str:
        """What the study tests and how: a paragraph for people."""
        lines = [
            f"{self.name}: {self.claim}",
            *(f"paper: {p}" for p in self.papers),
            f"holds if: {self.criteria}",
            f"full run: {self.full}",
            f"control: {self.falsified}",
        ]
        return "\n".join([*lines, f"note: {self.note}"] if self.note else lines)

    def to_dict(self) -> dict[str, Any]:
        """The study as plain values, without a verdict."""
        rest = {k: v for k, v in vars(self).items() if k != "check"}
        return {"schema": SCHEMA, "kind": "study", **rest, "papers": list(self.papers)}


@dataclass(frozen=True)
class Verdict:
    """A study's verdict on its claim.

    Args:
        name: The study.
        papers: Titles of the papers.
        claim: What was tested.
        criteria: When it holds.
        verdict: "holds", "fails" or "undecided".
        why: One line: the numbers that decided.
        numbers: Everything measured.
        data: What it was measured on.
        rerun: Whether this was the full run.
        falsified: Whether this was the control, in which the claim is false by design.
        seed: Seed of everything random.
        version: Version of forescale.
        note: What the test cannot say.
    """

    name: str
    papers: tuple[str, ...]
    claim: str
    criteria: str
    verdict: Word
    why: str
    numbers: Mapping[str, Number]
    data: tuple[str, ...]
    rerun: bool
    falsified: bool
    seed: int
    version: str
    note: str = field(default="", repr=False)

    def __repr__(self) -> str:
        control = ", in a falsified world" if self.falsified else ""
        return f"Verdict({self.name} {self.verdict}{control}: {self.why})"

    def summary(self) -> str:
        """The claim, the verdict and every number: a paragraph for people."""
        lines = [
            f"{self.name}: {self.verdict}" + (" (falsified world)" if self.falsified else ""),
            f"claim: {self.claim}",
            *(f"paper: {p}" for p in self.papers),
            f"holds if: {self.criteria}",
            f"why: {self.why}",
            *(f"  {n}: {v}{' - ' + v.what if v.what else ''}" for n, v in self.numbers.items()),
            *(f"data: {d}" for d in self.data),
            f"{'full run' if self.rerun else 'quick check'}, seed {self.seed}",
        ]
        return "\n".join([*lines, f"note: {self.note}"] if self.note else lines)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {
            "schema": SCHEMA,
            "kind": "verdict",
            **vars(self),
            "papers": list(self.papers),
            "data": list(self.data),
            "numbers": {name: number.to_dict() for name, number in self.numbers.items()},
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Verdict:
        """The verdict that `to_dict` wrote.

        Raises:
            BadTable: If it is no verdict, or of a schema this version does not read.
        """
        if data.get("kind") != "verdict" or data.get("schema") != SCHEMA:
            raise BadTable(
                f"kind {data.get('kind')!r} with schema {data.get('schema')!r} is no verdict "
                f"of schema {SCHEMA}",
                fix="run the study again with --json",
            )
        rest = {k: v for k, v in data.items() if k not in {"kind", "schema"}}
        numbers = {
            name: Number(**{k: v for k, v in number.items() if k != "verdict"})
            for name, number in data["numbers"].items()
        }
        lists = {"papers": tuple(data["papers"]), "data": tuple(data["data"])}
        return Verdict(**{**rest, **lists, "numbers": numbers})

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(n)}</td><td>{escape(str(v))}</td><td>{escape(v.what)}</td></tr>"
            for n, v in self.numbers.items()
        )
        return f"<p>{escape(repr(self))}</p><table>{rows}</table>"


def judge(numbers: Mapping[str, Number], *data: str) -> Outcome:
    """The outcome that the numbers' own limits give.

    It fails where any limited number fails, holds where all hold, and is undecided where an
    interval straddles a limit: more data, or `--rerun`, would tell.
    """
    limited = {name: number for name, number in numbers.items() if number.limited}
    words = {number.verdict for number in limited.values()}
    verdict: Word = "undecided"
    if "fails" in words:
        verdict = "fails"
    elif words == {"holds"}:
        verdict = "holds"
    # The line names what decided: every limit that was kept, or only those that were not.
    telling = {n: v for n, v in limited.items() if verdict == "holds" or v.verdict == verdict}
    why = "; ".join(f"{name} {number}" for name, number in telling.items())
    return Outcome(numbers, verdict, why or "nothing was measured", data)
