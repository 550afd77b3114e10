"""Held-out error and coverage of `--law auto` on tables of published runs.

    python benchmarks/fit_accuracy.py FOLDER [--only NAME] [--out RESULTS.md]

FOLDER holds the tables that `accuracy_cases.py` names. Beside the automatic choice stand the
law of each table's paper, fitted by the same engine, and a straight line on log-log axes.
Nothing is tuned on these tables: the hold-outs are those of the tables' own descriptions.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from accuracy_cases import CASES, Case
from loky import get_reusable_executor

from forescale.errors import ForescaleError
from forescale.fit import fit, fit_spec, specify
from forescale.fit._build import needed
from forescale.forecast import choose, forecast
from forescale.forecast.rivals import line
from forescale.uncertainty import assess

LEVEL = 0.9


@dataclass(frozen=True)
class Row:
    """Result of one case; errors in per cent of the truth, one entry per held-out run."""

    case: Case
    auto: str
    auto_error: float
    inside: np.ndarray
    width: float
    own_error: float
    line_error: float
    factor: float
    note: str = ""


def error_pct(predicted: np.ndarray, truth: np.ndarray, log: bool) -> float:
    """Mean absolute error in per cent of the truth (of its range where it may be negative)."""
    positive = log or bool((truth > 0).all())
    size = np.abs(truth) if positive else np.full(len(truth), max(float(np.ptp(truth)), 1e-12))
    return float(np.mean(np.abs(predicted - truth) / size) * 100)


def run(case: Case) -> Row:
    """One case: choose on the training runs alone, forecast the others."""
    among = case.among
    if len(among) == 1 or any("=" in a for a in among):
        auto = assess(fit(case.train, among[0]), resamples=500)
    else:
        auto = assess(choose(case.train, among=among), resamples=500)
    x, truth = needed(case.test, auto.spec)
    made = forecast(auto, x, level=LEVEL)
    lo = np.array([p.band.lo for p in made.points])
    hi = np.array([p.band.hi for p in made.points])
    median = np.array([p.band.median for p in made.points])
    log = auto.spec.log_residual
    note = ""
    try:
        own = fit_spec(case.train, specify(case.train, case.published))
        at, seen = needed(case.test, own.spec)
        own_error = error_pct(own.predict(at), seen, log)
    except ForescaleError as error:
        own_error, note = np.nan, str(error)
    return Row(
        case,
        auto.law.name if auto.law.name != "custom" else auto.law.formula,
        error_pct(median, truth, log),
        (truth >= lo) & (truth <= hi),
        float(np.median((hi - lo) / np.abs(median)) * 100),
        own_error,
        error_pct(line(case.train, auto.spec, x), truth, log),
        max(p.distance.factor for p in made.points),
        note,
    )


def attempt(case: Case) -> Row | str:
    """The row of a case, or why it has none."""
    warnings.simplefilter("ignore")
    try:
        return run(case)
    except ForescaleError as error:
        return str(error)


def table(rows: list[Row]) -> str:
    """Markdown: one line per table, its groups pooled."""
    head = (
        "| table | groups | runs fit / held out | up to | auto: error % | auto: inside 90 % | "
        "width % | paper's law: error % | straight line: error % | laws chosen |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    )
    lines = [head]
    for name in dict.fromkeys(r.case.table for r in rows):
        part = [r for r in rows if r.case.table == name]
        inside = np.concatenate([r.inside for r in part])
        chosen: dict[str, int] = {}
        for r in part:
            chosen[r.auto] = chosen.get(r.auto, 0) + 1
        laws = ", ".join(f"{k} {v}" for k, v in sorted(chosen.items(), key=lambda i: -i[1]))
        papers = ", ".join(dict.fromkeys(r.case.published for r in part))
        fitted = sum(len(r.case.train) for r in part)
        lines.append(
            f"| {name} | {len(part)} | {fitted} / {len(inside)} | "
            f"{max(r.factor for r in part):.3g}x | {_mean([r.auto_error for r in part])} | "
            f"{100 * inside.mean():.0f} | {np.median([r.width for r in part]):.2g} | "
            f"{_mean([r.own_error for r in part])} ({papers}) | "
            f"{_mean([r.line_error for r in part])} | {laws} |"
        )
    pooled = [
        np.mean(np.concatenate([r.inside for r in rows if r.case.table == n]))
        for n in dict.fromkeys(r.case.table for r in rows)
    ]
    lines.append(
        f"\nMean over tables: {100 * np.mean(pooled):.0f} % of held-out runs inside their 90 % "
        "interval. Group errors are averaged within a table."
    )
    return "\n".join(lines)


def _mean(values: list[float]) -> str:
    good = [v for v in values if np.isfinite(v)]
    return f"{np.mean(good):.2f}" if good else "-"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    chosen = [make for make in CASES if args.only in make.__name__]
    cases = [case for make in chosen for case in make(args.folder)]
    rows: list[Row] = []
    with get_reusable_executor(max_workers=args.workers) as pool:
        for case, result in zip(cases, pool.map(attempt, cases), strict=True):
            if isinstance(result, str):
                print(f"skipped {case.table} {case.group}: {result}", file=sys.stderr)
                continue
            rows.append(result)
            if args.verbose:
                print(
                    f"{case.table} {case.group}: {len(case.train)}/{len(case.test)} "
                    f"{result.factor:.3g}x auto {result.auto} {result.auto_error:.2f} in "
                    f"{100 * result.inside.mean():.0f} w {result.width:.2g} own "
                    f"{result.own_error:.2f} line {result.line_error:.2f} {result.note}",
                    file=sys.stderr,
                )
    text = table(rows)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
