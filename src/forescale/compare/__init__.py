"""Does a method change the exponent, the offset or the floor, and where do the curves cross?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.compare import _models, _words
from forescale.compare._models import Test
from forescale.compare._noise import Design, Noise, design, partners, pool, worth
from forescale.compare._scale import (
    Crossover,
    Estimate,
    Ladder,
    crossover,
    multiplier,
    quantiles,
    rungs,
    sense,
)
from forescale.compare.reversals import Reversal, reversals
from forescale.errors import BadOption, TooFewRuns, UnknownName
from forescale.fit import Fit, Spec, fit_spec, specify
from forescale.fit._build import groups_of, needed
from forescale.fit.objective import Objective
from forescale.forecast import candidates
from forescale.laws import Law
from forescale.quantities import format_number, short
from forescale.runs import RunTable
from forescale.uncertainty._leverage import freed

__all__ = [
    "Comparison",
    "Contrast",
    "Crossover",
    "Estimate",
    "Reversal",
    "Test",
    "compare",
]

Array = NDArray[np.float64]

#: Crossings are looked for this many times beyond the largest run or the target.
HORIZON = 100.0
#: Names that a baseline goes by.
_BASELINES = ("baseline", "base", "control", "default")
#: How the tests are told: what was free under the null hypothesis -> what it says.
HYPOTHESES = {
    frozenset[str](): "same law",
    frozenset({"offset"}): "only the offset differs",
    frozenset({"offset", "exponent"}): "same floor",
    frozenset({"offset", "floor"}): "same exponents",
}


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
class Comparison:
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
        return (*self.main.reasons, *(r.text for r in self.reversals))

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
        lines += [f"note: {n}" for n in self.notes]
        lines += [f"would not bet on it: {r}" for r in self.reasons]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self.summary())}</pre>"

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
            "reversals": [r.to_dict() for r in self.reversals],
            "level": self.level,
            "resamples": self.resamples,
            "seed": self.seed,
            "source": self.source,
            "hash": self.hash,
            "notes": list(self.notes),
            "version": __version__,
        }


def compare(
    runs: RunTable,
    by: str,
    *,
    law: Law | str = "auto",
    baseline: str | None = None,
    target: Mapping[str, float] | float | None = None,
    objective: str | Objective = "huber",
    fix: Mapping[str, float] | None = None,
    pair: str = "auto",
    level: float = 0.9,
    resamples: int = 500,
    seed: int = 0,
) -> Comparison:
    """Methods compared by their laws.

    Args:
        runs: Runs of all methods.
        by: Column that names the method of each run.
        law: A law in one scale or in N and D, its name, or a formula; "auto" takes the first
            of `forescale.forecast.candidates`.
        baseline: The method to compare with; by default one called so, or the one with the
            most runs.
        target: Scale at which to compare, such as {"C": 1e21} or 1e21; by default the largest
            that every method was run at. Of a law in N and D it is C.
        objective: As for `forescale.fit.fit`.
        fix: Parameters held at given values for all methods.
        pair: Which runs are partners: "auto", "none", or columns joined by commas.
        level: Level of the intervals.
        resamples: Resamples behind each interval and each test.
        seed: Seed of everything random.

    Raises:
        TooFewRuns: If there are not two methods, or a method has too few runs for the law.
        UnknownName: If there is no such column, law or baseline.
        BadOption: If the law has no one scale, or an option cannot be used.
        BadTable: If the law's columns are missing or unusable.
    """
    _check(level, resamples)
    by = runs.key(by)
    names, method = groups_of(runs, by)
    if len(names) < 2:
        raise TooFewRuns(
            f"column '{short(by)}' holds one method, {names[0] if names else 'none'}",
            where=runs.source,
            fix="name the column of the methods with --by",
        )
    base = _baseline(names, method, baseline)
    if law == "auto":
        law = candidates(runs)[0]
    spec = specify(runs, law, objective=objective, by=by, fix=fix, seed=seed)
    needed(runs, spec)
    scale = Ladder.name_of(spec.law)
    at_scale = _target(target, scale)
    ladder = Ladder(spec.law, runs, at_scale)
    order = [base, *(k for k in range(len(names)) if k != base)]
    fits = {names[k]: _alone(runs, spec, method == k, names[k]) for k in order}
    scales = {names[k]: ladder.of_runs[method == k] for k in order}
    goal = at_scale or float(min(s.max() for s in scales.values()))
    rows = {m: np.flatnonzero(method == names.index(m)) for m in fits}
    residuals, share = _freed(fits, rows, len(runs))
    plan = design(runs, by, spec.law.inputs, len(names), pair)
    if pair == "auto" and plan.kind == "pairs":
        plan = worth(plan, residuals, method)
    source = pool(residuals, share, unit=plan.unit, method=method)
    draws = _draws(fits, rows, source, resamples, seed)
    parameters = {
        p: {m: _estimate(f.params[p], draws[m][:, j], level) for m, f in fits.items()}
        for j, p in enumerate(spec.law.names)
    }
    # Progress rises where scale helps, whichever way the law's output goes.
    point = {m: ladder.values(f.natural[None]) for m, f in fits.items()}
    up = sense(point[names[base]][0])
    at = np.log10(rungs(ladder.range, goal))
    there = int(np.argmin(np.abs(at - np.log10(goal))))
    progress = {m: up * np.concatenate([point[m], ladder.values(draws[m])]) for m in fits}
    at_rungs = {
        m: up * np.concatenate([ladder.values(f.natural[None], at), ladder.values(draws[m], at)])
        for m, f in fits.items()
    }
    window = (ladder.range[0], HORIZON * max(ladder.range[1], goal))
    found = []
    for k in order[1:]:
        name, ref = names[k], names[base]
        both = np.flatnonzero((method == k) | (method == base))
        pair_fits = {m: fits[m] for m in sorted((name, ref))}
        tests, weights = _tests(runs.take(both), spec, pair_fits, plan.unit[both], plan.kind,
                                resamples=resamples, seed=seed + 1 + k)  # fmt: skip
        factor = multiplier(ladder.x, progress[ref], at, at_rungs[name])
        curve = tuple(
            (float(10.0**x), _estimate(10.0 ** factor[0, j], 10.0 ** factor[1:, j], level))
            for j, x in enumerate(at)
        )
        gap = progress[name] - progress[ref]
        ahead = at_rungs[name][1:, there] - at_rungs[ref][1:, there]
        found.append(
            Contrast(
                method=name,
                baseline=ref,
                target=goal,
                multiplier=curve[there][1],
                curve=curve,
                crossover=crossover(
                    ladder.x, gap[0], gap[1:], window=window, level=level, names=(ref, name)
                ),
                tests=tests,
                weights=weights,
                p_better=float(np.mean(ahead > 0) + 0.5 * np.mean(ahead == 0)),
                shape="same",
                growth=_growth([m for x, m in curve if x <= 1.001 * ladder.range[1]]),
                level=level,
            )
        )
    best = np.stack([at_rungs[m][1:, there] for m in fits])
    wins = np.bincount(np.argmax(best, axis=0), minlength=len(fits)) / best.shape[1]
    p_best = {m: float(w) for m, w in sorted(zip(fits, wins, strict=True), key=lambda i: -i[1])}
    told = [_told(c, ladder, scales, fits) for c in _corrected(found)]
    told.sort(key=lambda c: (-p_best[c.method], -c.p_better))
    return Comparison(
        fits=fits,
        by=by,
        scale=ladder.name,
        contrasts=tuple(told),
        p_best=p_best,
        parameters=parameters,
        design=plan,
        reversals=reversals(runs, spec, told[0].method, told[0].baseline, up),
        source=runs.source,
        hash=runs.hash,
        level=level,
        resamples=resamples,
        seed=seed,
        notes=_notes(spec.law, ladder, plan),
    )


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise BadOption(f"level {level:g} is no probability", fix="as in --level 0.9")
    if resamples < 99:
        raise BadOption(f"{resamples} resamples", fix="use 99 or more, or no p falls below 0.01")


def _target(target: Mapping[str, float] | float | None, scale: str) -> float | None:
    if target is None:
        return None
    given = target if isinstance(target, Mapping) else {scale: target}
    if set(given) != {scale}:
        raise BadOption(
            f"the methods are compared along {scale}, not {', '.join(given) or 'nothing'}",
            where="--target",
            fix=f"as in --target {scale}=1e21",
        )
    value = float(given[scale])
    if not (np.isfinite(value) and value > 0):
        raise BadOption(f"{scale} is {value:g}", where="--target", fix=f"as in {scale}=1e21")
    return value


def _baseline(names: Sequence[str], method: NDArray[np.intp], asked: str | None) -> int:
    if asked is not None:
        if asked not in names:
            known = ", ".join(names[:12])
            raise UnknownName(
                f"there is no method '{short(asked)}'", where="--baseline", fix=f"known: {known}"
            )
        return names.index(asked)
    for k, name in enumerate(names):
        if name.lower() in _BASELINES:
            return k
    return int(np.argmax(np.bincount(method)))


def _alone(runs: RunTable, spec: Spec, rows: NDArray[np.bool_], name: str) -> Fit:
    """The law fitted to the runs of one method."""
    try:
        return fit_spec(runs.take(rows), replace(spec, by=None, free=()))
    except TooFewRuns as error:
        raise TooFewRuns(
            f"method '{short(name)}': {error.what}",
            where=error.where,
            fix=f"{error.fix}, or leave it out with --where",
        ) from None


def _freed(
    fits: Mapping[str, Fit], rows: Mapping[str, NDArray[np.intp]], n: int
) -> tuple[Array, float]:
    """Freed residuals in the rows' places, shape (n,), and degrees of freedom per row."""
    out, dof = np.zeros(n), 0
    for name, fit in fits.items():
        out[rows[name]], left = freed(fit)
        dof += left
    return out, dof / sum(len(r) for r in rows.values())


def _draws(
    fits: Mapping[str, Fit],
    rows: Mapping[str, NDArray[np.intp]],
    source: Noise,
    resamples: int,
    seed: int,
) -> dict[str, Array]:
    """Parameters of each method, shape (K, p), refitted to noise that partners share."""
    drawn = source.draw(np.random.default_rng(seed), resamples, scale=True)
    out = {}
    for name, fit in fits.items():
        seen = _models.observed(fit.problem, fit.theta, drawn[:, rows[name]])
        weights = np.broadcast_to(fit.problem.weights, seen.shape)
        found = _models.again(fit.problem, fit.theta, weights, seen)
        out[name] = fit.problem.natural(found.theta)
    return out


def _tests(
    runs: RunTable,
    spec: Spec,
    fits: Mapping[str, Fit],
    unit: NDArray[np.intp],
    kind: str,
    *,
    resamples: int,
    seed: int,
) -> tuple[dict[str, Test], dict[str, float]]:
    """What two methods share: tests by name, and the weight of each nested law.

    Args:
        runs: Rows of both.
        spec: The law, and the column of the methods.
        fits: Each method alone, in the order of their names.
        unit: As in `Design`, shape (n,).
        kind: Likewise.
        resamples: Resamples of each test.
        seed: Their seed.
    """
    models = _models.nested(runs, spec, fits)
    names, method = groups_of(runs, spec.by)
    rows = {m: np.flatnonzero(method == k) for k, m in enumerate(names)}
    source = pool(*_freed(fits, rows, len(runs)), unit=unit, method=method)
    pairs = partners(unit, method) if kind == "pairs" else np.zeros((0, 2), np.intp)
    every = max(models, key=len)
    tests = {
        name: _models.test(
            models[null], models[every], source, pairs, resamples=resamples, seed=seed
        )
        for null, name in HYPOTHESES.items()
        if null in models and null != every
    }
    weights = {"+".join(k for k in _models.KINDS if k in free) or "same": m.weight
               for free, m in models.items()}  # fmt: skip
    return tests, weights


def _estimate(value: float, draws: Array, level: float) -> Estimate:
    return Estimate(float(value), *quantiles(draws, level))


def _growth(curve: Sequence[Estimate]) -> str:
    """What the gap does from the smallest run to the largest, by multipliers in order of scale."""
    first, last = curve[0], curve[-1]
    ahead, behind = (last, first) if last.value > first.value else (first, last)
    if behind.hi < 1 < ahead.lo:
        return "turns around"
    with np.errstate(all="ignore"):
        size = np.abs(np.log([first.value, last.value]))
    return "grows" if size[1] > size[0] else "shrinks"


def _corrected(found: Sequence[Contrast]) -> list[Contrast]:
    """With p-values that allow for all the methods compared."""
    fixed: list[dict[str, Test]] = [dict(c.tests) for c in found]
    for name in found[0].tests:
        for tests, p in zip(fixed, _models.holm([c.tests[name].p for c in found]), strict=True):
            tests[name] = replace(tests[name], p_holm=p)
    return [replace(c, tests=t) for c, t in zip(found, fixed, strict=True)]


def _told(
    c: Contrast, ladder: Ladder, scales: Mapping[str, Array], fits: Mapping[str, Fit]
) -> Contrast:
    """With its shape, its verdict and the reasons against it."""

    def p(name: str) -> float | None:
        return c.tests[name].p_holm if name in c.tests else None

    offset = p("only the offset differs")
    c = replace(c, shape=_words.shape(c.p_same, 1.0 if offset is None else offset,
                                      p("same exponents")))  # fmt: skip
    pair = (c.baseline, c.method)
    why = _words.reasons(
        c,
        ladder.name,
        ranges=[(m, float(scales[m].min()), float(scales[m].max())) for m in pair],
        scales=[(m, len(np.unique(np.round(np.log10(scales[m]), 1)))) for m in pair],
        flags=[f"{m}: {f.message}" for m in pair for f in fits[m].flags if f.severity == "fail"],
    )
    largest = max(float(scales[m].max()) for m in pair)
    said = _words.verdict(c, ladder.name, ladder.law.predicts, largest)
    return replace(c, verdict=said, reasons=why)


def _notes(law: Law, ladder: Ladder, plan: Design) -> tuple[str, ...]:
    out = []
    if plan.kind == "runs":
        out.append(
            "points of curves are compared: a loss on the way is no final loss where the learning "
            "rate still decays"
        )
    if ladder.frontier:
        out.append("compared at equal C = 6 N D, each method at its own best size")
    if law.predicts not in ("L", "err", "score"):
        out.append(f"ahead means the {law.predicts} that more {ladder.name} would bring")
    return tuple(out)
