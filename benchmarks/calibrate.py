"""How wide must intervals be? The constants of drift, learned from other people's tables.

    python benchmarks/coverage.py FOLDER --parts parts.csv
    python benchmarks/calibrate.py parts.csv

Each source of tables is forecast with the constants that the other sources teach; the last line
learns from all of them, and is what `forescale.forecast` ships. A source is a group of people and
their code, not a file: tables that share one are left out together.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

Array = NDArray[np.float64]

#: Sources with more than one table, by what the table's name and group hold.
SOURCES = (
    ("hoffmann", ("chinchilla",)),
    ("hadasah", ("misfitting",)),
    ("marin", ("marin",)),
    ("llama 3", ("llama_3",)),
    ("step law", ("steplaw",)),
    ("porian", ("porian",)),
)
LEVELS = (0.5, 0.8, 0.9, 0.95)
CLASSES = ((1.0, 3.0), (3.0, 15.0), (15.0, 50.0), (50.0, np.inf))
DRAWS = 2001


def source_of(table: str, group: str) -> str:
    """Whose table it is."""
    if table.startswith("porian"):
        return "porian"
    for source, signs in SOURCES:
        if any(sign in f"{table} {group}" for sign in signs):
            return source
    return table


@dataclass(frozen=True)
class Constants:
    """Wander of the truth about the law: standard deviations, and the tail's degrees of freedom.

    Args:
        decade: Share of the loss per decade beyond the data.
        change: Share of the log of the loss's change since the edge of the data.
        tail: Degrees of freedom of the wander's Student-t.
    """

    decade: float
    change: float
    tail: float


class Parts:
    """The held-out runs as columns."""

    def __init__(self, path: Path) -> None:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        rows = [r for r in rows if float(r["truth"]) > 0 and float(r["middle"]) > 0]
        text = ("table", "group", "zs")
        for name in rows[0]:
            values = [r[name] if name in text else float(r[name]) for r in rows]
            setattr(self, name, np.array(values))
        self.source = np.array([source_of(r["table"], r["group"]) for r in rows])
        self.error = np.log(self.truth / self.middle)
        self.own = self.inflation * np.hypot(self.parameters, self.noise)
        self.set = np.array([f"{r['table']}|{r['group']}" for r in rows])
        # A source counts once, a table within it, a cut within that.
        weight = np.ones(len(rows))
        for key in (
            [f"{s}|{r['cut']}" for s, r in zip(self.set, rows, strict=True)],
            self.set,
            self.source,
        ):
            _, index = np.unique(key, return_inverse=True)
            weight = weight / np.bincount(index, weight)[index]
        self.weight = weight


def spread(p: Parts, c: Constants) -> Array:
    """Standard deviation of the wander, shape (n,)."""
    return np.hypot(c.decade * p.decades, c.change * p.change)


def likelihood(p: Parts, c: Constants, rows: NDArray[np.bool_]) -> float:
    """Mean log score of t intervals of the combined width."""
    s = np.maximum(np.hypot(p.own, spread(p, c)), 1e-5)[rows]
    log = stats.t.logpdf(p.error[rows] / s, c.tail) - np.log(s)
    return float(np.sum(p.weight[rows] * log) / np.sum(p.weight[rows]))


def learn(p: Parts, rows: NDArray[np.bool_]) -> Constants:
    """Constants of the best mean log score."""

    def cost(v: Array) -> float:
        return -likelihood(p, Constants(np.exp(v[0]), np.exp(v[1]), 2 + np.exp(v[2])), rows)

    found = min(
        (
            optimize.minimize(cost, start, method="Nelder-Mead", options={"maxiter": 300})
            for start in ([-5.0, -3.0, 1.0], [-6.0, -2.0, 0.0])
        ),
        key=lambda f: f.fun,
    )
    v = found.x
    return Constants(float(np.exp(v[0])), float(np.exp(v[1])), float(2 + np.exp(min(v[2], 4.0))))


def ends(p: Parts, c: Constants, rows: NDArray[np.bool_]) -> dict[float, tuple[Array, Array]]:
    """Log ends of intervals about the forecast by level, each of shape (rows,)."""
    rng = np.random.default_rng(0)
    z, t = rng.standard_normal(DRAWS), np.clip(rng.standard_t(c.tail, DRAWS), -50, 50)
    wander = spread(p, c)
    out = {level: (np.empty(rows.sum()), np.empty(rows.sum())) for level in LEVELS}
    for j, k in enumerate(np.flatnonzero(rows)):
        draws = p.own[k] * z + wander[k] * t
        for level, (lo, hi) in out.items():
            lo[j], hi[j] = np.quantile(draws, [0.5 * (1 - level), 0.5 * (1 + level)])
    return out


def table(p: Parts, by_source: dict[str, Constants]) -> str:
    """Coverage, width and interval score by class of extrapolation, Markdown."""
    inside = {level: np.zeros(len(p.error)) for level in LEVELS}
    width, score = np.zeros(len(p.error)), np.zeros(len(p.error))
    for source, constants in by_source.items():
        rows = p.source == source
        for level, (lo, hi) in ends(p, constants, rows).items():
            e = p.error[rows]
            inside[level][rows] = (lo <= e) & (e <= hi)
            if level == 0.9:
                top, bottom, truth = np.exp(hi), np.exp(lo), np.exp(e)
                width[rows] = (top - bottom) / truth
                miss = np.maximum(bottom - truth, 0) + np.maximum(truth - top, 0)
                score[rows] = width[rows] + 20 * miss / truth
    lines = ["| beyond | runs / sources | 50 % | 80 % | 90 % | 95 % | width, % | score, % |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|---:|")
    for low, high in CLASSES:
        rows = (p.factor > low) & (p.factor <= high)
        if not rows.any():
            continue
        names = np.unique(p.source[rows])
        per = [_mean_of_tables(p, rows & (p.source == n), inside) for n in names]
        shown = " | ".join(f"{100 * np.mean([v[level] for v in per]):.0f}" for level in LEVELS)
        w, s = (
            np.median([100 * np.median(v[rows & (p.source == n)]) for n in names])
            for v in (width, score)
        )
        lines.append(
            f"| {low:g}x to {high:g}x | {rows.sum()} / {len(names)} | {shown} | {w:.2g} | {s:.2g} |"
        )
    return "\n".join(lines)


def _mean_of_tables(p: Parts, rows: NDArray[np.bool_], inside: dict[float, Array]) -> dict:
    sets = np.unique(p.set[rows])
    return {
        level: float(np.mean([np.mean(v[rows & (p.set == s)]) for s in sets]))
        for level, v in inside.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", type=Path)
    args = parser.parse_args()
    p = Parts(args.parts)
    sources = np.unique(p.source)
    learned = {s: learn(p, p.source != s) for s in sources}
    for s, c in learned.items():
        rows = p.source == s
        e = ends(p, c, rows)[0.9]
        held = np.mean((e[0] <= p.error[rows]) & (p.error[rows] <= e[1]))
        print(f"{s:28s} {rows.sum():5d} runs  {c}  90 % covers {100 * held:.0f} %")
    print(table(p, learned))
    print("all", learn(p, np.ones(len(p.error), bool)))


if __name__ == "__main__":
    main()
