"""What a multiverse says: the fan, whose choice it is, and what turns the decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.multiverse._decision import Decision
from forescale.multiverse._split import Split, flip_rates, split
from forescale.multiverse.checklist import Checklist
from forescale.quantities import format_error, format_number, short
from forescale.summarised import Summarised

Array = NDArray[np.float64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Share of failed universes from which the rest says little.
MANY_FAILED = 0.25
#: Share of universes that decide otherwise from which the choices decide rather than the runs.
DIVIDED = 0.1


@dataclass(frozen=True)
class Move:
    """One choice changed from the default, all others left.

    Args:
        choice: The choice.
        option: What is chosen instead.
        value: What the number becomes; NaN where that universe failed.
        flips: Whether it turns the decision.
    """

    choice: str
    option: str
    value: float
    flips: bool


@dataclass(frozen=True, eq=False)
class Dimension:
    """One choice and what it does.

    Args:
        name: The choice.
        what: The question that is decided.
        options: The ways to answer it, the default first.
        means: Mean of the number at each option, freed of what the other choices do, shape (m,).
        first: Share of the variance that it explains alone.
        total: Share that it takes part in, with all its interactions.
        flips: Chance that changing it alone turns the decision; None without a decision.
        yes: Share of the universes of each option in which the decision is yes; likewise.
    """

    name: str
    what: str
    options: tuple[str, ...]
    means: tuple[float, ...]
    first: float
    total: float
    flips: float | None = None
    yes: tuple[float, ...] | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """The options with the lowest and the highest mean."""
        m = np.asarray(self.means)
        return int(np.nanargmin(m)), int(np.nanargmax(m))

    @property
    def span(self) -> float:
        """From the lowest mean to the highest."""
        low, high = self.ends
        return self.means[high] - self.means[low]

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "choice": self.name,
            "what": self.what,
            "options": [
                {"option": o, "mean": m, "yes": None if self.yes is None else self.yes[k]}
                for k, (o, m) in enumerate(zip(self.options, self.means, strict=True))
            ],
            "first_order": self.first,
            "total": self.total,
            "flip_rate": self.flips,
        }


@dataclass(frozen=True, eq=False)
class Multiverse(Summarised):
    """One number under every combination of the choices.

    Args:
        name: The number's name, such as "a".
        words: What it is.
        factors: Whether it is split by factors (in logs) rather than by differences.
        choices: Name, question and options of each choice, the default option first.
        index: Option of each choice in each universe, shape (M, choices); the first universe
            is the default.
        values: The number in each, shape (M,); NaN where the universe failed.
        errors: One standard error of each, of the log where `factors`, shape (M,).
        why: Why a universe failed; "" where it did not.
        distinct: How many analyses were made: where one choice makes another void, universes
            share a number.
        at_bound: How many of the analyses have a parameter at its bound.
        absent: Combinations that the table has no runs of; they are no universes.
        decision: What hangs on the number, if anything.
        level: Level of the intervals.
        law: The default law.
        formula: Its formula.
        source: Where the runs came from.
        hash: Hash of the runs.
        runs: Rows of the default analysis.
        seed: Seed of everything random.
        checklist: What a reader of the default analysis should be told.
        notes: What the user should know.
    """

    name: str
    words: str
    factors: bool
    choices: tuple[tuple[str, str, tuple[str, ...]], ...]
    index: NDArray[np.intp]
    values: Array
    errors: Array
    why: tuple[str, ...]
    distinct: int
    at_bound: int
    absent: int
    decision: Decision | None
    level: float
    law: str
    formula: str
    source: str
    hash: str
    runs: int
    seed: int
    checklist: Checklist
    notes: tuple[str, ...] = ()

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Which universes gave a number, shape (M,)."""
        return np.isfinite(self.values)

    @property
    def default(self) -> float:
        """The number of the default analysis."""
        return float(self.values[0])

    @cached_property
    def split(self) -> Split:
        """The variance by choice."""
        y = self.values[self.alive]
        sizes = [len(options) for *_, options in self.choices]
        return split(self.index[self.alive], sizes, np.log(y) if self.factors else y)

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The choices and what each does, the one that moves the number most first."""
        found = self.split
        yes, flips = None, None
        index = self.index[self.alive]
        if self.decision is not None:
            yes = self.decision.of(self.values[self.alive])
            flips = flip_rates(index, [len(o) for *_, o in self.choices], yes)
        out = []
        for i, (name, what, options) in enumerate(self.choices):
            effect = np.exp(found.effects[i]) if self.factors else found.effects[i]
            agree = None
            if yes is not None:
                agree = tuple(
                    float(yes[index[:, i] == k].mean()) if (index[:, i] == k).any() else np.nan
                    for k in range(len(options))
                )
            out.append(
                Dimension(
                    name=name,
                    what=what,
                    options=options,
                    means=tuple(float(e) for e in effect),
                    first=float(found.first[i]),
                    total=float(found.total[i]),
                    flips=None if flips is None else float(flips[i]),
                    yes=agree,
                )
            )
        return tuple(sorted(out, key=lambda d: -d.total))

    @property
    def confounded(self) -> tuple[str, ...]:
        """Choices that were only made together, so that their shares cannot be told apart."""
        return tuple(self.choices[i][0] for i in self.split.confounded)

    @property
    def interaction(self) -> tuple[str, str, float] | None:
        """The two choices that interact most, and their share; None where it is not told."""
        if not self.split.pairs:
            return None
        (i, j), share = max(self.split.pairs.items(), key=lambda item: item[1])
        return self.choices[i][0], self.choices[j][0], share

    @property
    def fan(self) -> dict[str, float]:
        """Smallest, quantiles and largest over the universes."""
        y = self.values[self.alive]
        inner = {f"{100 * q:g} %": float(np.quantile(y, q)) for q in QUANTILES}
        return {"min": float(y.min()), **inner, "max": float(y.max())}

    @property
    def rank(self) -> float:
        """Share of the universes below the default, ties counted half."""
        y = self.values[self.alive]
        return float((y < self.default).mean() + 0.5 * (y == self.default).mean())

    @property
    def between(self) -> float:
        """Standard deviation over the universes; of the log where `factors`."""
        return float(np.sqrt(self.split.variance))

    @property
    def within(self) -> float:
        """Median standard error of one universe; of the log where `factors`."""
        e = self.errors[self.alive]
        e = e[np.isfinite(e)]
        return float(np.median(e)) if len(e) else float("nan")

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Each single change from the default, the one that moves the number most first."""
        one = np.count_nonzero(self.index, axis=1) == 1
        out = []
        decided = None if self.decision is None else bool(self.decision.of(self.values[:1])[0])
        for k in np.flatnonzero(one):
            i = int(np.flatnonzero(self.index[k])[0])
            value = float(self.values[k])
            flips = (
                self.decision is not None
                and np.isfinite(value)
                and bool(self.decision.of(self.values[k : k + 1])[0]) != decided
            )
            out.append(
                Move(self.choices[i][0], self.choices[i][2][int(self.index[k, i])], value, flips)
            )

        def size(m: Move) -> float:
            if not np.isfinite(m.value):
                return -1.0
            moved = np.log(m.value / self.default) if self.factors else m.value - self.default
            return abs(float(moved))

        return tuple(sorted(out, key=lambda m: -size(m)))

    @property
    def yes(self) -> float | None:
        """Share of the universes that decide yes; None without a decision."""
        if self.decision is None:
            return None
        return float(self.decision.of(self.values[self.alive]).mean())

    @property
    def turner(self) -> Dimension | None:
        """The choice most likely to turn the decision; None where none does."""
        if self.decision is None or not self.dimensions:
            return None
        best = max(self.dimensions, key=lambda d: d.flips or 0.0)
        return best if best.flips else None

    @property
    def failures(self) -> dict[str, int]:
        """Why universes failed, and how many for each reason, most first."""
        return dict(Counter(w for w in self.why if w).most_common())

    @property
    def remarks(self) -> tuple[str, ...]:
        """The notes, and what the design leaves open."""
        if not self.confounded:
            return self.notes
        together = ", ".join(short(c) for c in self.confounded)
        return (
            *self.notes,
            f"some options of {together} were only run together: what they do cannot be told apart "
            "and is shared between them",
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the default's number should not be quoted alone."""
        out = []
        lost = 1 - float(self.alive.mean())
        if lost > MANY_FAILED:
            out.append(f"{100 * lost:.0f} % of the universes gave no number")
        yes = self.yes
        if yes is not None and self.decision is not None:
            against = 1 - yes if bool(self.decision.of(self.values[:1])[0]) else yes
            if against > DIVIDED:
                turner = self.turner
                by = f", most easily by {turner.name}" if turner is not None else ""
                out.append(
                    f"{100 * against:.0f} % of the universes decide {self.decision} otherwise than "
                    f"the default{by}"
                )
        if self.between > self.within:
            out.append(
                f"the choices spread {self.name} {self.between / self.within:.1f} times as far as "
                "its standard error says"
                if self.within > 0
                else f"the choices spread {self.name} where its standard error says nothing"
            )
        return tuple(out)

    @property
    def trusted(self) -> bool:
        """Whether the default's number can stand alone."""
        return not self.reasons

    def interval(self) -> tuple[float, float]:
        """The default's own interval, at `level`."""
        half = NormalDist().inv_cdf(0.5 + 0.5 * self.level) * float(self.errors[0])
        if self.factors:
            return self.default * float(np.exp(-half)), self.default * float(np.exp(half))
        return self.default - half, self.default + half

    def default_text(self) -> str:
        """The default's number with its error: "0.535(12)"."""
        error = float(self.errors[0]) * (self.default if self.factors else 1.0)
        if not np.isfinite(error):
            return f"{format_number(self.default)} (error not told)"
        return format_error(self.default, error)

    def fan_text(self) -> str:
        """Such as "0.41 to 0.89, half of them 0.51 to 0.58"."""
        f = {k: format_number(v, 3) for k, v in self.fan.items()}
        return f"{f['min']} to {f['max']}, half of them {f['25 %']} to {f['75 %']}"

    def mover_text(self) -> str:
        """Which choice moves the number most, and from where to where."""
        if not self.dimensions or self.split.variance == 0:
            return f"no choice moves {self.name}"
        d = self.dimensions[0]
        low, high = d.ends
        return (
            f"{short(d.name)} moves {self.name} most ({100 * d.total:.0f} % of the variance): "
            f"{format_number(d.means[low], 3)} ({short(d.options[low])}) to "
            f"{format_number(d.means[high], 3)} ({short(d.options[high])})"
        )

    def spread_text(self) -> str:
        """Variance between universes beside that within one."""
        unit = " in logs" if self.factors else ""
        return (
            f"{self.between:.2g} between universes, {self.within:.2g} within one (one standard "
            f"deviation{unit})"
        )

    def count_text(self) -> str:
        """How many universes there are, and how many failed."""
        said = f"{len(self.values)} universes, {self.distinct} different analyses"
        lost = int((~self.alive).sum())
        return said + (f", {lost} gave no number" if lost else "")

    def turn_text(self) -> str:
        """What the universes decide, and which choice turns it; "" without a decision."""
        if self.decision is None:
            return ""
        said = "yes" if bool(self.decision.of(self.values[:1])[0]) else "no"
        out = f"{self.decision}: {said} by default, yes in {100 * (self.yes or 0):.0f} %"
        turner = self.turner
        if turner is None:
            return out + "; no choice turns it"
        return out + (
            f"; {short(turner.name)} turns it most easily ({100 * (turner.flips or 0):.0f} % of "
            "its changes)"
        )

    def __repr__(self) -> str:
        trust = "stands alone" if self.trusted else "NOT to be quoted alone"
        return (
            f"Multiverse({self.name} = {self.default_text()} by default, {len(self.values)} "
            f"universes: {self.fan_text()}; {trust})"
        )

    def summary(self) -> str:
        """The fan, the choice that moves it, the decision, every reason for doubt."""
        lines = [
            f"{self.name}: {self.words}",
            f"default {self.default_text()} by {self.law} on {self.runs} runs of {self.source}",
            f"{self.count_text()}: {self.fan_text()}",
            self.spread_text(),
            self.mover_text(),
            *([self.turn_text()] if self.decision else []),
            *(f"failed: {n} x {short(w, 160)}" for w, n in self.failures.items()),
            *(f"note: {n}" for n in self.remarks),
            *(f"would not quote it alone: {r}" for r in self.reasons),
        ]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The multiverse as plain values, with every universe."""
        from forescale import __version__

        decided: Mapping[str, Any] | None = None
        if self.decision is not None:
            decided = {
                "text": str(self.decision),
                "default": bool(self.decision.of(self.values[:1])[0]),
                "yes": self.yes,
                "turned_by": self.turner.name if self.turner else None,
            }
        inter = self.interaction
        return {
            "schema": 1,
            "kind": "multiverse",
            "quantity": {"name": self.name, "words": self.words, "split_in_logs": self.factors},
            "default": {
                "value": self.default,
                "error": float(self.errors[0]),
                "interval": list(self.interval()),
                "rank": self.rank,
                "choices": {name: options[0] for name, _, options in self.choices},
            },
            "universes": len(self.values),
            "distinct": self.distinct,
            "failed": int((~self.alive).sum()),
            "failures": [{"why": w, "count": n} for w, n in self.failures.items()],
            "absent": self.absent,
            "at_bound": self.at_bound,
            "fan": self.fan,
            "sd": {"between": self.between, "within": self.within},
            "complete": self.split.complete,
            "confounded": list(self.confounded),
            "choices": [d.to_dict() for d in self.dimensions],
            "strongest_interaction": None
            if inter is None
            else {"choices": [inter[0], inter[1]], "share": inter[2]},
            "moves": [vars(m) for m in self.moves],
            "decision": decided,
            "trusted": self.trusted,
            "reasons": list(self.reasons),
            "all": {
                "choices": {
                    name: [options[k] for k in self.index[:, i]]
                    for i, (name, _, options) in enumerate(self.choices)
                },
                "value": self.values.tolist(),
                "error": self.errors.tolist(),
                "why": list(self.why),
            },
            "checklist": self.checklist.to_dict(),
            "law": self.law,
            "formula": self.formula,
            "level": self.level,
            "seed": self.seed,
            "source": self.source,
            "hash": self.hash,
            "notes": list(self.remarks),
            "version": __version__,
        }
