"""How wide must intervals be? The prior of inflation and drift, learned from published tables.

    python benchmarks/coverage.py FOLDER --parts parts.csv --rows rows.csv
    python benchmarks/calibrate.py parts.csv --rows rows.csv

Each source of tables is forecast with the prior that the losses of the other sources teach; the
last line learns from all losses, and is what `forescale.forecast.drift` ships. Downstream errors
are forecast with it, but teach nothing: near chance they follow no law of a loss. A source is a
group of people and their code, not a file: tables that share one are left out together. A source
counts once, a table once within it, a cut once within that; widths and scores of sources are
averaged as logs, since they differ tenfold.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from loky import get_reusable_executor
from numpy.typing import NDArray
from scipy import optimize, special, stats

from forescale.forecast.drift import Doubt, Look, Prior, doubt

Array = NDArray[np.float64]
Rows = NDArray[np.bool_]

#: Sources with more than one table, by what the table's name or group holds.
SOURCES = {
    "porian": "porian",
    "massivetext": "hoffmann",
    "chinchilla_epoch": "hoffmann",
    "misfitting": "hadasah",
    "marin": "marin",
    "llama_3": "llama 3",
    "steplaw": "step law",
    "olmo_ladder": "olmo",
    "overtraining": "gadre",
    "obs_": "ruan",
    "difficulty": "wu and lo",
}
#: Groups whose numbers are no losses.
ERROR = re.compile(r"error|err_")
LEVELS = (0.5, 0.8, 0.9, 0.95)
CLASSES = ((1.0, 3.0), (3.0, 15.0), (15.0, 50.0), (50.0, np.inf))
DRAWS = 2000
#: Held-out runs of a cut that it is learned from: more of one cut tell little more.
LEARNED = 12
#: Price of a share of runs that should be inside and are not, in units of the log score.
SHORT = 2.0
#: Nearer than this, run noise decides and the law hardly matters.
FAR = 3.0
START = (np.log(0.9), np.log(0.6), np.log(0.13), np.log(0.5), np.log(0.35))


def source_of(table: str, group: str) -> str:
    """Whose table it is."""
    for sign, source in SOURCES.items():
        if sign in f"{table} {group}":
            return source
    return table


class Parts:
    """Held-out runs as columns, or the means of those of equal scale.

    With `printed`, a mean's interval is that of one run there, which is what we print.
    """

    def __init__(self, path: Path, *, means: bool = False, printed: bool = False) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        if printed:
            noises: dict[tuple[str, ...], list[float]] = {}
            for r in rows:
                if int(r["count"]) == 1:
                    noises.setdefault(_place(r), []).append(float(r["noise"]))
            rows = [r | {"noise": str(np.median(noises[_place(r)]))} for r in rows]
        rows = [r for r in rows if (int(r["count"]) > 1) == means]
        rows = [r for r in rows if float(r["truth"]) > 0 and float(r["middle"]) > 0]

        def number(name: str) -> Array:
            return np.array([float(r[name]) for r in rows])

        self.factor, self.change = number("factor"), number("change")
        self.error = np.log(number("truth") / number("middle"))
        self.own = np.maximum(np.hypot(number("parameters"), number("noise")), 1e-5)
        self.loss = np.array([not ERROR.search(r["group"]) for r in rows])
        self.source = np.array([source_of(r["table"], r["group"]) for r in rows])
        self.set = np.array([f"{r['table']}|{r['group']}" for r in rows])
        cut = np.array([f"{s}|{r['cut']}" for s, r in zip(self.set, rows, strict=True)])
        self.cuts, first, self.cut = np.unique(cut, return_index=True, return_inverse=True)
        order = np.argsort(self.cut, kind="stable")
        self.members = np.split(order, np.cumsum(np.bincount(self.cut))[:-1])
        self.looks = [_looks(rows[i]["looks"]) for i in first]

    def few(self, rows: Rows) -> Rows:
        """At most `LEARNED` of the rows of each cut, evenly spaced."""
        out = np.zeros(len(rows), bool)
        for members in self.members:
            here = members[rows[members]]
            count = min(LEARNED, len(here))
            out[here[np.linspace(0, len(here) - 1, count).round().astype(int)]] = True
        return out

    def weights(self, rows: Rows) -> Array:
        """A source counts once, a table once within it, a cut once within that."""
        weight = rows.astype(float)
        for key in (self.cut, self.set, self.source):
            _, index = np.unique(key, return_inverse=True)
            weight = weight / np.maximum(np.bincount(index, weight), 1e-300)[index]
        return weight


def _place(row: dict[str, str]) -> tuple[str, ...]:
    return row["table"], row["group"], row["cut"]


def _looks(text: str) -> list[Look]:
    return [Look(*map(float, part.split(":"))) for part in text.split(";") if part]


def scores(p: Parts, prior: Prior, rows: Rows) -> tuple[Array, Array]:
    """Log density and distribution function at each error, of each cut's mixture of normals."""
    log, below = np.empty(len(p.error)), np.empty(len(p.error))
    for i in np.unique(p.cut[rows]):
        here = p.members[i][rows[p.members[i]]]
        d = doubt(p.looks[i], prior)
        s = np.hypot(np.outer(p.own[here], d.inflations), np.outer(p.change[here], d.changes))
        z = p.error[here, None] / s
        log[here] = np.log(np.maximum((np.exp(-0.5 * z * z) / s) @ d.weights, 1e-12))
        below[here] = special.ndtr(z) @ d.weights
    return log, below


def cost(p: Parts, prior: Prior, rows: Rows, weights: Array) -> float:
    """Mean log score, negative, and the shortfall of 90 % intervals far out."""
    log, below = scores(p, prior, rows)
    total = -float(np.average(log[rows], weights=weights[rows]))
    far = rows & (p.factor > FAR)
    held = np.average(np.abs(below[far] - 0.5) <= 0.45, weights=weights[far])
    total += SHORT * max(0.0, 0.9 - float(held))
    return total


def as_prior(v: Array) -> Prior:
    """A prior from unbounded numbers."""
    e = np.exp(np.clip(v, -7.0, 2.0))
    return Prior((float(e[0]), float(e[1])), (float(e[2]), float(e[3])), float(e[4]))


def learn(p: Parts, rows: Rows) -> Prior:
    """The prior of the best score among those whose 90 % intervals hold nine of ten."""
    rows = p.few(rows)
    weights = p.weights(rows)
    found = optimize.minimize(
        lambda v: cost(p, as_prior(v), rows, weights),
        np.array(START),
        method="Nelder-Mead",
        options={"maxiter": 250, "xatol": 0.02, "fatol": 1e-4},
    )
    return as_prior(found.x)


Ends = dict[float, tuple[Array, Array]]


def ends(p: Parts, found: Callable[[int], Doubt], rows: Rows) -> Ends:
    """Log ends of intervals about the forecast by level, each of shape (rows,)."""
    rng = np.random.default_rng(0)
    z, where = rng.standard_normal(DRAWS), np.flatnonzero(rows)
    out = {level: (np.empty(len(where)), np.empty(len(where))) for level in LEVELS}
    for i in np.unique(p.cut[rows]):
        inflation, wander = (v[:, 0] for v in found(i).draw(rng, DRAWS))
        for j in np.flatnonzero(p.cut[where] == i):
            k = where[j]
            draws = inflation * p.own[k] * z + wander * p.change[k]
            for level, (lo, hi) in out.items():
                lo[j], hi[j] = np.quantile(draws, [0.5 * (1 - level), 0.5 * (1 + level)])
    return out


@dataclass(frozen=True)
class Outcomes:
    """How one method's intervals fared: inside by level; the rest in per cent of the truth.

    Width and interval score are of 90 % intervals, pinball loss of their ends and the middle.
    """

    factor: Array
    source: NDArray[np.str_]
    set: NDArray[np.str_]
    loss: Rows
    inside: dict[float, Array]
    width: Array
    score: Array
    pinball: Array

    def only(self, rows: Rows) -> Outcomes:
        """Those of some rows."""
        inside = {v: x[rows] for v, x in self.inside.items()}
        named = self.factor, self.source, self.set, self.loss
        priced = self.width, self.score, self.pinball
        return Outcomes(*(v[rows] for v in named), inside, *(v[rows] for v in priced))


def ours(p: Parts, made: Ends) -> Outcomes:
    """Of intervals as logs about the forecast."""
    inside = {v: ((lo <= p.error) & (p.error <= hi)).astype(float) for v, (lo, hi) in made.items()}
    bottom, top = (np.exp(v - p.error) for v in made[0.9])
    return Outcomes(
        p.factor, p.source, p.set, p.loss, inside, *_scored(bottom, np.exp(-p.error), top)
    )


def _scored(bottom: Array, middle: Array, top: Array) -> tuple[Array, Array, Array]:
    """Width, interval score and pinball loss of 90 % intervals, from values over the truth."""
    width = 100 * (top - bottom)
    missed = np.maximum(bottom - 1, 0) + np.maximum(1 - top, 0)
    ends = ((0.05, bottom), (0.5, middle), (0.95, top))
    losses = [np.maximum(q * (1 - v), (q - 1) * (1 - v)) for q, v in ends]
    return width, width + 2000 * missed, 100 * np.mean(losses, axis=0)


def others(path: Path, method: str) -> Outcomes:
    """Of a method in the rows that `coverage.py --rows` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["method"] == method]
    rows = [r for r in rows if float(r["truth"]) > 0 and float(r["middle"]) > 0]
    by = {v: [r for r in rows if float(r["level"]) == v] for v in LEVELS}
    whole = {
        v: np.array(
            [[float(r[k]) for k in ("factor", "truth", "lo", "hi", "middle")] for r in part]
        )
        for v, part in by.items()
    }
    inside = {
        v: ((x[:, 2] <= x[:, 1]) & (x[:, 1] <= x[:, 3])).astype(float) for v, x in whole.items()
    }
    x, named = whole[0.9], by[0.9]
    return Outcomes(
        x[:, 0],
        np.array([source_of(r["table"], r["group"]) for r in named]),
        np.array([f"{r['table']}|{r['group']}" for r in named]),
        np.array([not ERROR.search(r["group"]) for r in named]),
        inside,
        *_scored(*(x[:, k] / x[:, 1] for k in (2, 4, 3))),
    )


def table(of: dict[str, Outcomes]) -> str:
    """Coverage, width and interval score by class of extrapolation and method, Markdown."""
    lines = [
        "| beyond | runs / sources | method | 50 % | 80 % | 90 % | 95 % | width of 90 %, % | "
        "interval score of 90 %, % | pinball, % |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for low, high in CLASSES:
        reach = f"{low:g}x to {high:g}x" if np.isfinite(high) else f"over {low:g}x"
        for method, o in of.items():
            rows = (o.factor > low) & (o.factor <= high)
            if not rows.any():
                continue
            shown = " | ".join(
                f"{100 * np.mean(_pooled(o, rows, o.inside[v])):.0f}" for v in LEVELS
            )
            priced = [_pooled(o, rows, v) for v in (o.width, o.score, o.pinball)]
            lines.append(
                f"| {reach} | {rows.sum()} / {len(priced[0])} | {method} | {shown} | "
                f"{' | '.join(f'{stats.gmean(v):.2g}' for v in priced)} |"
            )
    return "\n".join(lines)


def _pooled(o: Outcomes, rows: Rows, values: Array) -> Array:
    """Per source, the mean over its tables of a table's mean."""
    found = []
    for name in np.unique(o.source[rows]):
        sets = np.unique(o.set[rows & (o.source == name)])
        found.append(np.mean([np.mean(values[rows & (o.set == s)]) for s in sets]))
    return np.array(found)


def with_priors(p: Parts, priors: dict[str, Prior]) -> Ends:
    """Intervals of each source under its own prior."""
    out = {level: (np.empty(len(p.error)), np.empty(len(p.error))) for level in LEVELS}
    for source, prior in priors.items():
        rows = p.source == source
        if rows.any():
            made = ends(p, lambda i, prior=prior: doubt(p.looks[i], prior), rows)
            for level, both in made.items():
                for whole, part in zip(out[level], both, strict=True):
                    whole[rows] = part
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", type=Path)
    parser.add_argument("--rows", type=Path, help="held-out runs of the other methods, as CSV")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    p = Parts(args.parts)
    with get_reusable_executor(max_workers=args.workers) as pool:
        sources = np.unique(p.source)
        jobs = [p.loss & (p.source != s) for s in sources]
        *apart, everyone = pool.map(partial(learn, p), [*jobs, p.loss])
    priors = dict(zip(map(str, sources), apart, strict=True))
    made = ours(p, with_priors(p, priors))
    for s, prior in priors.items():
        rows = p.source == s
        held = 100 * np.mean(made.inside[0.9][rows])
        print(f"{s:24s} {rows.sum():5d} runs, 90 % covers {held:3.0f} % | {_shown(prior)}")
    of = {"forescale": made}
    if args.rows:
        of |= {m: others(args.rows, m) for m in ("bootstrap", "GP", "line")}
    means = {}
    for name, printed in (("of the mean", False), ("as printed", True)):
        q = Parts(args.parts, means=True, printed=printed)
        means[f"forescale, {name}"] = ours(q, with_priors(q, priors))
    for title, found in (("runs", of), ("means of runs of equal scale", means)):
        print(f"\nlosses, {title}\n\n{table({m: o.only(o.loss) for m, o in found.items()})}")
        print(f"\ndownstream errors, {title}\n")
        print(table({m: o.only(~o.loss) for m, o in found.items()}))
    print("\nfrom all sources:", _shown(everyone))


def _shown(v: Prior) -> str:
    pairs = [f"({a:.3g}, {b:.3g})" for a, b in (v.inflation, v.change)]
    return f"inflation {pairs[0]}, change {pairs[1]}, share {v.share:.2g}"


if __name__ == "__main__":
    main()
