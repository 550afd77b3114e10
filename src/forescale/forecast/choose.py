"""Which law: the one that forecast held-out scale best, saying what else was close.

A law that fits best need not forecast best, so candidates are refitted to the smaller runs
and scored on the larger ones (rolling origin). The heaviest in the forecast is the law chosen;
the information criterion of the full fit decides only between equals. The losers keep a weight:
a forecast that knows only one formula is too sure of itself.

Weights by the criterion among laws that held out alike were tried. Where the truth was among the
candidates (231 simulated tables, 0.5 % noise, 10x beyond) they forecast as well: interval score
4.68 against 4.68 %, error 0.72 against 0.73 %. On 31 published tables, whose truth no law has,
they were worse: coverage of 90 % intervals 77 against 83 %, error 3.5 against 3.2 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale import laws
from forescale.errors import BadTable, ForescaleError
from forescale.fit import Fit, fit_spec, refit_subsets, specify
from forescale.fit._build import needed
from forescale.forecast._cuts import cut_points
from forescale.forecast._scale import scale_of
from forescale.forecast.rivals import line
from forescale.laws import CUSTOM, Law
from forescale.runs import RunTable

Array = NDArray[np.float64]

#: Candidates by what the table tells of each run, most telling inputs first.
CANDIDATES: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("N", "D", "U"), ("data_constrained", "chinchilla", "coupled")),
    (("N", "D"), ("chinchilla", "coupled", "kaplan_joint", "joint_power", "chinchilla_no_floor")),
    (("Ne", "Nd"), ("encoder_decoder",)),
    *(((x,), ("power", "rectified", "three_regions", "bnsl")) for x in ("C", "D", "n", "N", "S")),
)
#: Runs below which a flexible law is no candidate: it fits anything, and takes seconds to.
LEAST_RUNS = {"bnsl": 48}
#: Held-out errors within this ratio of the chosen law's are close.
CLOSE = 1.15
#: Held-out errors within this ratio are equal: one law spelt in two ways.
EQUAL = 1 + 1e-6
#: Relative held-out error below which it is rounding: runs without noise.
EXACT = 1e-9
#: Cuts used for scoring.
SHARES = (0.15, 0.3, 0.45, 0.6)
#: A law whose weight is below this brings nothing but time.
LEAST_WEIGHT = 0.02


@dataclass(frozen=True)
class Candidate:
    """One law that was tried.

    Args:
        law: Its name.
        score_pct: Root mean square error of held-out scale over the cuts, in per cent.
        aic: Akaike's criterion with small-sample correction, of the full fit.
        weight: Share in the forecast.
        why: Why it was left out, if it was.
        formula: Its formula.
    """

    law: str
    score_pct: float
    aic: float
    weight: float
    why: str = ""
    formula: str = ""


def candidates(runs: RunTable) -> tuple[str, ...]:
    """Laws worth trying on a table: those of the richest inputs that it has and varies.

    Raises:
        BadTable: If no law of the set fits the columns.
    """
    return _worth_trying(runs)[1]


def _worth_trying(runs: RunTable) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The inputs that tell most of the runs, and the laws to try on them."""
    known = set(laws.names())
    for inputs, names in CANDIDATES:
        if all(_varies(runs, i) for i in inputs):
            found = tuple(n for n in names if n in known and len(runs) >= LEAST_RUNS.get(n, 0))
            if found:
                return inputs, found
    have = ", ".join(runs.columns)
    raise BadTable(
        f"no law can be chosen: the table tells no scale that varies (columns: {have})",
        where=runs.source,
        fix="name the scale with --map, such as --map N=COLUMN, or give --law a formula",
    )


def _varies(runs: RunTable, name: str) -> bool:
    if name not in runs or runs[name].dtype == object:
        return False
    v = np.asarray(runs[name], float)
    v = v[np.isfinite(v)]
    if not len(v) or len(v) < 0.9 * len(runs):
        return False
    if name == "U" and "D" in runs:
        # Unique tokens matter only where data are repeated.
        return bool((np.asarray(runs["D"], float) > 1.5 * np.asarray(runs["U"], float)).any())
    return bool(v.max() > 1.2 * v.min())


def choose(
    runs: RunTable, *, among: Sequence[str] = (), keep_rivals: bool = True, **options: Any
) -> Fit:
    """The best fit among candidate laws, its rivals with weights, and how it was chosen.

    Args:
        runs: The run table.
        among: Names of laws; by default `candidates(runs)`.
        keep_rivals: Whether forecasts mix the laws by their weights.
        options: As for `forescale.fit.fit` (objective, by, free, ...).

    Raises:
        ForescaleError: If no candidate could be fitted; the error of the first.
    """
    inputs, names = ((), tuple(among)) if among else _worth_trying(runs)
    return _choose(runs, inputs, names, keep_rivals=keep_rivals, **options)


def again(fit: Fit, runs: RunTable) -> Fit:
    """The choice that made `fit`, made anew on other runs: same candidates, same options."""
    assert fit.choice is not None
    spec = fit.spec
    names = [
        c["formula"] if c["law"] == CUSTOM else c["law"]
        for c in fit.choice["candidates"]
        if c["formula"]  # A law that could not be fitted to more runs is none for fewer.
    ]
    options: dict[str, Any] = {
        "objective": spec.objective,
        "by": spec.by,
        "free": spec.free,
        "weights": spec.weights,
        "seed": spec.seed,
    }
    return _choose(
        runs, tuple(fit.choice["inputs"]), names, keep_rivals=bool(fit.rivals), **options
    )


def _choose(
    runs: RunTable,
    inputs: tuple[str, ...],
    names: Sequence[str],
    *,
    keep_rivals: bool,
    **options: Any,
) -> Fit:
    fits: list[Fit] = []
    failed: list[tuple[str, str]] = []
    first_error: ForescaleError | None = None
    for name in names:
        try:
            law: Law | str = name
            if len(inputs) == 1:
                # The table may also hold the law's own variable, constant or of less weight.
                law = laws.get(name)
                law = law if law.inputs == inputs else law.along(*inputs)
            spec = specify(runs, law, **options)
            fits.append(fit_spec(runs, spec))
        except ForescaleError as error:
            first_error = first_error or error
            failed.append((name, error.what))
    if not fits:
        assert first_error is not None
        raise first_error
    scores, cuts, line_score, held_out = _score(runs, fits)
    aic = np.array([_aicc(f) for f in fits])
    if cuts == 0:
        # Nothing can be held out: the criterion alone decides, and the note says so.
        delta = aic - aic.min()
        weights = np.exp(-0.5 * np.minimum(delta, 700.0))
        best = int(np.argmin(aic))
    else:
        known = np.maximum(scores, EXACT)
        equals = np.flatnonzero(known <= EQUAL * np.nanmin(known))
        best = int(equals[np.argmin(aic[equals])])
        with np.errstate(all="ignore"):
            # Each cut is one Gaussian look at a law's error of unknown size.
            weights = np.nan_to_num((known / np.nanmin(known)) ** -float(2 * cuts))
    weights = weights / weights.sum()
    weights = np.where(weights < LEAST_WEIGHT, 0.0, weights)
    weights = weights / weights.sum()
    table = [
        Candidate(f.law.name, float(100 * s), float(a), float(w), formula=f.law.formula)
        for f, s, a, w in zip(fits, scores, aic, weights, strict=True)
    ]
    table += [Candidate(n, np.nan, np.nan, 0.0, why) for n, why in failed]
    chosen = fits[best]
    close = [
        c.law
        for i, c in enumerate(table[: len(fits)])
        if i != best and (scores[i] <= CLOSE * scores[best] if cuts else c.weight > 0.1)
    ]
    choice = {
        "inputs": list(inputs),
        "cuts": cuts,
        "held_out": held_out,
        "close": close,
        "line_score_pct": 100 * line_score,
        "candidates": [vars(c) for c in sorted(table, key=lambda c: -c.weight)],
    }
    rivals: tuple[tuple[float, Fit], ...] = ()
    if keep_rivals:
        rivals = tuple((float(w), f) for w, f in zip(weights, fits, strict=True) if w > 0)
        if not any(f is chosen for _, f in rivals):
            rivals = ((1.0, chosen), *rivals)
    return replace(chosen, choice=choice, rivals=rivals if len(rivals) > 1 else ())


def _score(runs: RunTable, fits: Sequence[Fit]) -> tuple[Array, int, float, int]:
    """Held-out error of each fit (root mean square), cuts made, the line's error, runs held out."""
    x, y = needed(runs, fits[0].spec)
    _, scale = scale_of(x, fits[0].law)
    largest = max(f.problem.size for f in fits)
    cuts = cut_points(scale, largest + 2, shares=SHARES)
    if not cuts:
        return np.full(len(fits), np.nan), 0, np.nan, 0
    told = np.stack(cuts)
    errors = np.stack([_errors(f, told) for f in fits])
    lines = [
        _relative(
            line(runs.take(t), fits[0].spec, {i: v[~t] for i, v in x.items()}), y[~t], fits[0]
        ).mean()
        for t in told
    ]
    # Exact data leave errors of zero, which no weight can be a power of.
    scores = np.maximum(np.sqrt(np.mean(errors**2, axis=1)), 1e-12)
    line_score = float(np.sqrt(np.mean(np.square(lines))))
    return scores, len(cuts), line_score, int((~told).sum(axis=1).max())


def _errors(fit: Fit, told: NDArray[np.bool_]) -> Array:
    """Mean error of the rows that each cut holds out, each group counting alike, shape (cuts,)."""
    problem = fit.problem
    found = refit_subsets(problem, fit.theta, told, seed=fit.spec.seed)
    error = _relative(problem.predict(found.theta), problem.y, fit)
    out = np.empty(len(told))
    for i, (train, e) in enumerate(zip(told, error, strict=True)):
        groups = range(len(problem.columns))
        # A group with free parameters and no run below the cut cannot be forecast by any law.
        parts = [
            (problem.group == g) & ~train for g in groups if (train & (problem.group == g)).any()
        ]
        means = [float(e[rows].mean()) for rows in parts if rows.any()]
        out[i] = np.mean(means) if means and np.isfinite(found.value[i]) else 1.0
    return out


def _relative(predicted: Array, y: Array, fit: Fit) -> Array:
    """Absolute errors, relative to the value or, for scores, to the range seen."""
    with np.errstate(all="ignore"):
        if fit.spec.log_residual:
            e = np.log(predicted / y)
        else:
            e = (predicted - y) / (float(np.ptp(fit.problem.y)) or 1.0)
    # Capped: one absurd forecast should lose the contest, not decide it among the others.
    return np.asarray(np.minimum(np.nan_to_num(np.abs(e), nan=1.0), 1.0))


def _aicc(fit: Fit) -> float:
    """Akaike's criterion with a Laplace-tailed likelihood, corrected for few runs."""
    r, n, p = fit.residuals, len(fit.residuals), fit.problem.size + 1
    scale = max(float(np.mean(np.abs(r))), 1e-12)
    aic = 2 * n * np.log(2 * scale) + 2 * n + 2 * p
    return float(aic + 2 * p * (p + 1) / max(n - p - 1, 0.5))


def describe_choice(choice: Mapping[str, Any]) -> str:
    """How the law was chosen, in one line."""
    if not choice["cuts"]:
        return "chosen by information criterion alone: too few runs to hold any out"
    first = choice["candidates"][0]
    text = ", ".join(
        f"{c['law']} {c['score_pct']:.2g} %" for c in choice["candidates"] if not c["why"]
    )
    close = f"; close: {', '.join(choice['close'])}" if choice["close"] else ""
    return (
        f"held-out error over {choice['cuts']} cuts: {text}, straight line "
        f"{choice['line_score_pct']:.2g} %{close}"
        if first
        else ""
    )
