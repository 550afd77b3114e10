"""Do intervals hold what they promise? Held-out runs at 2x to 100x, beside what else one could do.

    python benchmarks/coverage.py FOLDER [--only NAME] [--rows rows.csv] [--out TABLE.md]

FOLDER holds the tables that `accuracy_cases.py` names in `loss`, and those that
`capability_cases.py` names in `capability`. Every table is cut at several scales; what
lies beyond a cut is forecast from what lies below, by

- forescale: the law chosen on the runs below the cut, with all its doubts;
- bootstrap: the same law alone, its parameters' bootstrap, as papers print it;
- GP: a Gaussian process on logs, linear trend and smooth remainder (scikit-learn);
- line: a straight line on logs with its textbook prediction interval.

A table counts as much as any other, however many groups and cuts it has.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, fields
from dataclasses import replace as changed
from functools import partial
from pathlib import Path

import numpy as np
from accuracy_cases import CASES as LOSSES
from accuracy_cases import Case
from capability_cases import CASES as SCORES
from loky import get_reusable_executor
from numpy.typing import NDArray
from scipy import stats

from forescale.errors import ForescaleError
from forescale.fit import Fit, fit, specify
from forescale.fit._build import needed
from forescale.forecast import choose, forecast
from forescale.forecast._predictive import predictive, spread, with_draws
from forescale.forecast._scale import distance, scale_of
from forescale.forecast.backtest import Backtest, of_fit
from forescale.forecast.scores import interval_score, pinball
from forescale.runs import RunTable
from forescale.uncertainty import assess

Array = NDArray[np.float64]
#: Middle and both ends, by level.
Levels = dict[float, tuple[Array, ...]]

LEVELS = (0.5, 0.8, 0.9, 0.95)
#: How far the largest run lies beyond each cut.
REACHES = (2.0, 4.0, 10.0, 30.0, 100.0)
#: Ends of the classes of extrapolation.
CLASSES = ((1.0, 3.0), (3.0, 15.0), (15.0, 50.0), (50.0, np.inf))
LEAST = 8


@dataclass(frozen=True)
class Held:
    """One held-out run, forecast by one method at one level; ends and truth in the unit of loss."""

    table: str
    group: str
    method: str
    cut: float
    factor: float
    level: float
    truth: float
    middle: float
    lo: float
    hi: float


@dataclass(frozen=True)
class Part:
    """What our interval for one held-out run is made of; spreads as shares of the loss.

    Args:
        table, group, cut, factor, truth: As in `Held`.
        middle: Our forecast.
        parameters, noise: Standard deviations from parameters and laws, and of a single run.
        decades: How far outside the data.
        change: Log of the forecast over that at the nearest place within the data.
        looks: What each cut of the backtest told: own, change, miss (`drift.Look`).
        count: Runs whose mean this is; 1 for a run alone.
        runs: Number of runs below the cut.
        scatter: Residual spread of the fit.
    """

    table: str
    group: str
    cut: float
    factor: float
    truth: float
    middle: float
    parameters: float
    noise: float
    decades: float
    change: float
    looks: str
    count: int
    runs: int
    scatter: float


def laws_of(case: Case, runs: RunTable) -> Fit:
    """The law chosen on some runs, or the only one there is, with draws."""
    if len(case.among) == 1 or any("=" in a for a in case.among):
        return assess(fit(runs, case.among[0]), resamples=500)
    return assess(choose(runs, among=case.among), resamples=500)


def ours(made: Fit, at: dict[str, Array], tested: Backtest) -> Levels:
    """Middle and ends of our intervals, at each level."""
    points = forecast(made, at, test=tested).points

    def at_level(q: float) -> Array:
        return np.array([p.quantiles[min(p.quantiles, key=lambda k: abs(k - q))] for p in points])

    return {
        level: tuple(at_level(q) for q in (0.5, (1 - level) / 2, (1 + level) / 2))
        for level in LEVELS
    }


def parts(case: Case, made: Fit, test: RunTable, tested: Backtest, limit: float) -> list[Part]:
    """What our intervals are made of: of each held-out run, and of means over equal scale."""
    at, truth = known(test, made)
    made = with_draws(made, level=0.9)
    p = predictive(made, at, seed=made.spec.seed)
    log = np.log if made.spec.log_residual else np.asarray
    own, total, true = log(p.parameters), log(p.as_fitted), log(truth)
    _, scale = scale_of(at, made.law)
    places = [{i: float(v[k]) for i, v in at.items()} for k in range(len(truth))]
    decades = np.array([distance(made.runs, made.law, place).decades for place in places])
    budget = np.round(np.log10(scale), 1)
    looks = [c.look for c in tested.cuts]
    wholes = [np.flatnonzero(budget == b) for b in np.unique(budget)]
    out = []
    for rows in (*np.arange(len(truth))[:, None], *(w for w in wholes if len(w) > 2)):
        there = float(np.median(total[:, rows].mean(1)))
        inner, outer = (float(spread(v[:, rows].mean(1))) for v in (own, total))
        out.append(
            Part(
                table=case.table,
                group=case.group,
                cut=limit,
                factor=float(np.median(scale[rows]) / limit),
                truth=float(np.exp(true[rows].mean())),
                middle=float(np.exp(there)),
                parameters=inner,
                noise=float(np.sqrt(max(outer**2 - inner**2, 0.0))),
                decades=float(decades[rows].mean()),
                change=float(p.change[rows].mean()),
                looks=";".join(f"{v.own:.6g}:{v.change:.6g}:{v.miss:.6g}" for v in looks),
                count=len(rows),
                runs=len(made.runs),
                scatter=float(made.sigma),
            )
        )
    return out


def known(runs: RunTable, made: Fit) -> tuple[dict[str, Array], Array]:
    """What a fit and its rivals read of some runs, and what they measured."""
    inputs = {i for f in (made, *(f for _, f in made.rivals)) for i in f.law.inputs}
    return {i: np.asarray(runs[i], float) for i in sorted(inputs)}, needed(runs, made.spec)[1]


def bootstrap(made: Fit, at: dict[str, Array]) -> Levels:
    """The law alone, its parameters alone."""
    alone = changed(made, rivals=(), choice=None)
    draws = alone.predict(at, draws=True)
    return {
        level: tuple(np.nanquantile(draws, [0.5, (1 - level) / 2, (1 + level) / 2], axis=0))
        for level in LEVELS
    }


def logs(x: dict[str, Array], like: dict[str, Array]) -> Array:
    """Inputs as logs, or log(1 + x) where one has zeros; shape (n, inputs)."""
    return np.stack(
        [np.log(v) if (like[i] > 0).all() else np.log1p(np.maximum(v, 0)) for i, v in x.items()], 1
    )


def line(x: dict[str, Array], y: Array, at: dict[str, Array]) -> Levels:
    """Least squares on logs, with the interval of a new observation."""
    a = np.column_stack([np.ones(len(y)), logs(x, x)])
    b = np.column_stack([np.ones(len(next(iter(at.values())))), logs(at, x)])
    coefficients, _, rank, _ = np.linalg.lstsq(a, np.log(y), rcond=None)
    dof = max(len(y) - int(rank), 1)
    s2 = float(np.sum((np.log(y) - a @ coefficients) ** 2)) / dof
    sd = np.sqrt(s2 * (1 + np.einsum("ij,jk,ik->i", b, np.linalg.pinv(a.T @ a), b)))
    return _around(b @ coefficients, sd, lambda q: float(stats.t.ppf(q, dof)))


def process(x: dict[str, Array], y: Array, at: dict[str, Array]) -> Levels:
    """A Gaussian process on standardised logs."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    a, b, z = logs(x, x), logs(at, x), np.log(y)
    middle, spread = a.mean(0), np.maximum(a.std(0), 1e-9)
    smooth = ConstantKernel(0.1) * RBF(np.ones(a.shape[1]))
    kernel = DotProduct() + smooth + WhiteKernel(1e-3)
    model = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=2)
    model.random_state = 0
    model.fit((a - middle) / spread, z)
    centre, sd = model.predict((b - middle) / spread, return_std=True)
    return _around(centre, sd, lambda q: float(stats.norm.ppf(q)))


def _around(centre: Array, sd: Array, quantile) -> Levels:
    return {
        level: tuple(
            np.exp(centre + quantile(q) * sd) for q in (0.5, (1 - level) / 2, (1 + level) / 2)
        )
        for level in LEVELS
    }


def cuts(case: Case) -> Iterator[tuple[NDArray[np.bool_], float]]:
    """Which runs lie below each cut, and the scale of the largest of them."""
    spec = specify(case.runs, case.published)
    x, y = needed(case.runs, spec)
    if not (y > 0).all():
        return
    _, scale = scale_of(x, spec.law)
    seen = set()
    for reach in REACHES:
        below = scale <= scale.max() / reach
        if LEAST <= below.sum() < len(y) and int(below.sum()) not in seen:
            seen.add(int(below.sum()))
            yield below, float(scale[below].max())


def held_out(case: Case) -> tuple[list[Held], list[Part]]:
    """Every run beyond every cut, by every method, at every level; and what ours is made of."""
    warnings.simplefilter("ignore")
    out: list[Held] = []
    made_of: list[Part] = []
    try:
        found = list(cuts(case))
    except ForescaleError as error:
        print(f"skipped {case.table} {case.group}: {error}", file=sys.stderr)
        return out, made_of
    for below, limit in found:
        train, test = case.runs.take(below), case.runs.take(~below)
        try:
            made = laws_of(case, train)
            at, truth = needed(test, made.spec)
            everything, _ = known(test, made)
            x, y = needed(train, made.spec)
            _, scale = scale_of(at, made.law)
            tested = of_fit(made)
            made_of += parts(case, made, test, tested, limit)
            methods = {
                "forescale": ours(made, everything, tested),
                "bootstrap": bootstrap(made, at),
                "GP": process(x, y, at),
                "line": line(x, y, at),
            }
        except ForescaleError as error:
            print(f"skipped {case.table} {case.group} at {limit:.3g}: {error}", file=sys.stderr)
            continue
        for method, levels in methods.items():
            for level, (middle, lo, hi) in levels.items():
                for k in range(len(truth)):
                    place = float(scale[k] / limit), level, float(truth[k])
                    ends = float(middle[k]), float(lo[k]), float(hi[k])
                    out.append(Held(case.table, case.group, method, limit, *place, *ends))
    return out, made_of


def kept(case: Case, *, folder: Path) -> tuple[list[Held], list[Part]]:
    """`held_out`, or what an earlier call left in the folder."""
    path = folder / f"{case.table}-{re.sub(r'[^A-Za-z0-9]+', '_', case.group)}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([[vars(v) for v in part] for part in held_out(case)]))
    held, made_of = json.loads(path.read_text())
    return [Held(**v) for v in held], [Part(**v) for v in made_of]


def summary(rows: list[Held]) -> str:
    """Markdown: a line per class of extrapolation and method."""
    lines = [
        "| beyond | runs / tables | method | inside 50 % | 80 % | 90 % | 95 % | width of 90 %, % | "
        "interval score of 90 %, % | pinball, % |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for low, high in CLASSES:
        part = [r for r in rows if low < r.factor <= high]
        for method in dict.fromkeys(r.method for r in part):
            mine = [r for r in part if r.method == method]
            tables = sorted({r.table for r in mine})
            inside = [
                _pooled(mine, tables, level, lambda r: float(r.lo <= r.truth <= r.hi))
                for level in LEVELS
            ]
            width, score, pin = (_pooled(mine, tables, 0.9, f) for f in (_width, _score, _pinball))
            count = sum(r.level == 0.9 for r in mine)
            reach = f"{low:g}x to {high:g}x" if np.isfinite(high) else f"over {low:g}x"
            shown = " | ".join(f"{100 * v:.0f}" for v in inside)
            lines.append(
                f"| {reach} | {count} / {len(tables)} | {method} | {shown} | {width:.2g} | "
                f"{score:.2g} | {pin:.2g} |"
            )
    return "\n".join(lines)


def _pooled(rows: list[Held], tables: list[str], level: float, of) -> float:
    """Mean over tables of a table's mean; widths and scores by a table's median."""
    per = [[of(r) for r in rows if r.table == t and r.level == level] for t in tables]
    if of in (_width, _score, _pinball):
        return float(np.median([np.median(v) if of is _width else np.mean(v) for v in per]))
    return float(np.mean([np.mean(v) for v in per]))


def _width(r: Held) -> float:
    return 100 * (r.hi - r.lo) / r.truth


def _score(r: Held) -> float:
    one = interval_score(np.array([r.truth]), np.array([r.lo]), np.array([r.hi]), r.level)
    return 100 * one / r.truth


def _pinball(r: Held) -> float:
    tail = 0.5 * (1 - r.level)
    ends = ((tail, r.lo), (0.5, r.middle), (1 - tail, r.hi))
    one = np.mean([pinball(np.array([r.truth]), q, np.array([v])) for q, v in ends])
    return float(100 * one / r.truth)


def _thinned(cases: list[Case], most: int) -> list[Case]:
    """At most so many groups of each table, evenly spaced."""
    out = []
    for table in dict.fromkeys(c.table for c in cases):
        mine = [c for c in cases if c.table == table]
        chosen = np.unique(np.linspace(0, len(mine) - 1, min(most, len(mine))).round().astype(int))
        out += [mine[i] for i in chosen]
    return out


def _write(path: Path, of: type, rows: list) -> None:
    names = [f.name for f in fields(of)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([getattr(r, n) for n in names] for r in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--most", type=int, default=1000, help="groups of a table")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--keep", type=Path, help="folder of finished tables: a second call goes on"
    )
    parser.add_argument("--rows", type=Path, help="every held-out run, as CSV")
    parser.add_argument("--parts", type=Path, help="what our intervals are made of, as CSV")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    cases = [
        case
        for folder, makers in (("loss", LOSSES), ("capability", SCORES))
        for make in makers
        if args.only in make.__name__
        for case in make(args.folder / folder)
    ]
    cases = _thinned(cases, args.most)
    rows: list[Held] = []
    components: list[Part] = []
    with get_reusable_executor(max_workers=args.workers) as pool:
        work = partial(kept, folder=args.keep) if args.keep else held_out
        for i, (found, made_of) in enumerate(pool.map(work, cases), 1):
            rows += found
            components += made_of
            print(f"{i}/{len(cases)} {cases[i - 1].table} {cases[i - 1].group}", file=sys.stderr)
    if args.rows:
        _write(args.rows, Held, rows)
    if args.parts:
        _write(args.parts, Part, components)
    text = summary(rows)
    print(text)
    if args.out:
        args.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
