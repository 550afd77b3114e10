"""What a comparison says: each method against a baseline, and all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forescale.compare._held import Held
from forescale.compare._models import Test
from forescale.compare._noise import Design
from forescale.compare._scale import Crossover, Estimate
from forescale.compare.reversals import Reversal
from forescale.fit import Fit
from forescale.laws import Law
from forescale.quantities import format_number, short
from forescale.summarised import Summarised


@dataclass(frozen=True, eq=False)
class Contrast:
    """One method against the baseline.

    Args:
        method: The method.
        baseline: The baseline.
        target: Scale at which the two are compared.
        multiplier: Factor of scale that the baseline needs at the target to be where the
            method is; above one the method is ahead.
        curve: The same at several scales, by scale.
        crossover: Where they change places.
        tests: What they share, by name.
        weights: Belief in each nested law, by what is free in it ("same", "offset",
            "offset+exponent"...).
        p_better: Share of the draws in which the method is ahead at the target.
        shape: What differs: "same", "offset", "exponent" or "shape".
        growth: What the gap does over the runs: "grows", "shrinks" or "turns around".
        level: Level of the intervals.
        verdict: One sentence.
        reasons: Why not to bet on it.
    """

    method: str
    baseline: str
    target: float
    multiplier: Estimate
    curve: tuple[tuple[float, Estimate], ...]
    crossover: Crossover
    tests: Mapping[str, Test]
    weights: Mapping[str, float]
    p_better: float
    shape: str
    growth: str
    level: float
    verdict: str = ""
    reasons: tuple[str, ...] = ()

    @property
    def trusted(self) -> bool:
        """Whether we would bet on it."""
        return not self.reasons

    @property
    def p_same(self) -> float:
        """Of the hypothesis that the two follow one law, corrected for the methods compared."""
        return self.tests["same law"].p_holm

    def to_dict(self) -> dict[str, Any]:
        """The contrast as plain values; an end of an interval that was not found is null."""
        return {
            "method": self.method,
            "baseline": self.baseline,
            "target": self.target,
            "multiplier": {
                **self.multiplier.to_dict(),
                "curve": [{"scale": x, **m.to_dict()} for x, m in self.curve],
            },
            "crossover": self.crossover.to_dict(),
            "p_better_at_target": self.p_better,
            "differs": self.shape,
            "gap": self.growth,
            "tests": {
                name: {"statistic": t.statistic, "p": t.p, "p_holm": t.p_holm}
                for name, t in self.tests.items()
            },
            "weights": dict(self.weights),
            "verdict": self.verdict,
            "trusted": self.trusted,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, eq=False)
class Comparison(Summarised):
    """Methods compared by their laws.

    Args:
        fits: The fit of each method alone.
        by: Column of the methods.
        scale: Name of the scale along which they are compared.
        contrasts: Each method against the baseline, the likeliest best first.
        p_best: Probability of being the best at the target, by method, highest first.
        parameters: Of each parameter of the law, its estimate per method.
        design: How runs err together.
        reversals: Columns that turn the comparison around when they are held fixed.
        test: The main contrast forecast from the smaller runs; None where too few are left.
        source: Where the runs came from.
        hash: Hash of the runs used.
        level: Level of the intervals.
        resamples: Resamples behind each interval and test.
        seed: Seed of everything random.
        notes: What the user should know.
    """

    fits: Mapping[str, Fit]
    by: str
    scale: str
    contrasts: tuple[Contrast, ...]
    p_best: Mapping[str, float]
    parameters: Mapping[str, Mapping[str, Estimate]]
    design: Design
    reversals: tuple[Reversal, ...]
    test: Held | None
    source: str
    hash: str
    level: float
    resamples: int
    seed: int
    notes: tuple[str, ...] = ()

    @property
    def law(self) -> Law:
        """The law that all methods were fitted with."""
        return next(iter(self.fits.values())).law

    @property
    def main(self) -> Contrast:
        """The contrast that answers the question: the only one, or the likeliest best method."""
        return self.contrasts[0]

    @property
    def baseline(self) -> str:
        """The method all others are compared with."""
        return self.main.baseline

    @property
    def target(self) -> float:
        """Scale at which the methods are compared."""
        return self.main.target

    @property
    def trusted(self) -> bool:
        """Whether we would bet on the main contrast, and nothing turns it around."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not to bet on the main contrast."""
        failed = self.test is not None and not self.test.inside
        return (
            *self.main.reasons,
            *(r.text for r in self.reversals),
            *(["the smaller runs did not foretell the multiplier"] if failed else []),
        )

    @property
    def tested(self) -> str:
        """How the main contrast fared on held-out runs, one line."""
        if self.test is None:
            return "not tested: without their largest runs the methods have too few for the law"
        return self.test.text(self.scale)

    def __repr__(self) -> str:
        c = self.main
        trust = "trusted" if self.trusted else "NOT to be trusted"
        more = f" and {len(self.contrasts) - 1} more" if len(self.contrasts) > 1 else ""
        return (
            f"Comparison({c.method} against {c.baseline}: {c.multiplier.text('x')} {self.scale} at "
            f"{format_number(c.target, 3)}, p = {c.p_same:.2g}{more}; {trust})"
        )

    def summary(self) -> str:
        """The verdict of each contrast, the ranking, and every reason against."""
        law = self.law
        lines = [f"{law.predicts} = {law.formula} per {short(self.by)}, {self.design.note}"]
        lines += [f"{c.method} against {c.baseline}: {c.verdict}" for c in self.contrasts]
        if len(self.p_best) > 2:
            best = ", ".join(f"{m} {p:.2f}" for m, p in list(self.p_best.items())[:6])
            lines.append(
                f"probability of being best at {self.scale} = {format_number(self.target, 3)}: "
                f"{best}"
            )
        lines += [f"tested: {self.tested}", *(f"note: {n}" for n in self.notes)]
        lines += [f"would not bet on it: {r}" for r in self.reasons]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values: the main contrast's own, and all that there are."""
        from forescale import __version__

        main = self.main.to_dict()
        return {
            "schema": 1,
            "kind": "comparison",
            "law": self.law.name,
            "formula": self.law.formula,
            "predicts": self.law.predicts,
            "by": self.by,
            "scale": self.scale,
            **main,
            "trusted": self.trusted,
            "reasons": list(self.reasons),
            "contrasts": [c.to_dict() for c in self.contrasts],
            "p_best_at_target": dict(self.p_best),
            "parameters": {
                name: {m: e.to_dict() for m, e in of.items()}
                for name, of in self.parameters.items()
            },
            "design": {"kind": self.design.kind, "note": self.design.note},
            "backtest": None if self.test is None else self.test.to_dict(),
            "reversals": [r.to_dict() for r in self.reversals],
            "level": self.level,
            "resamples": self.resamples,
            "seed": self.seed,
            "source": self.source,
            "hash": self.hash,
            "notes": list(self.notes),
            "version": __version__,
        }
