"""Does `compare` err as rarely as it says? Pairs of methods whose laws are planted.

    python benchmarks/planted_pairs.py [--pairs 200] [--rows rows.csv] [--shared 0.004]

Four worlds: one law for both; amplitudes that differ by 10 %; exponents that differ, level
inside the runs; and a lead that is lost ten times beyond them. Each pair is 12 runs a method from
1e17 to 1e20 FLOPs. Rows are kept in the file as they are made, and a second call goes on where
the first ended. One process; a pair costs about a second.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from forescale.compare import Comparison, Crossover, compare
from forescale.laws import get
from forescale.maths.binomial import share_interval
from forescale.runs import RunTable

LAW = get("power")
BASE = dict(LAW.typical)
RUNS, LOW, HIGH, NOISE, RESAMPLES = 12, 17.0, 20.0, 0.003, 199
#: Where the laws of a world are level, log10 of FLOPs; infinite: nowhere.
LEVEL_AT = {"same": math.nan, "offset": math.inf, "exponent": 17.4, "crossing": 21.0}
CHANGE = {"exponent": 0.02, "crossing": -0.02}
#: Hypotheses that are true in a world.
TRUE = {
    "same": ("same law", "only the offset differs", "same floor", "same exponents"),
    "offset": ("only the offset differs", "same floor", "same exponents"),
    "exponent": ("same floor",),
    "crossing": ("same floor",),
}
FIELDS = (
    "world", "seed", "paired", "same law", "only the offset differs", "same floor",
    "same exponents", "multiplier", "crossing", "promised", "shape",
)  # fmt: skip


def law_of(world: str) -> dict[str, float]:
    """Parameters of the second method; the first has `BASE`."""
    if world == "offset":
        return {**BASE, "A": 0.9 * BASE["A"]}
    d = CHANGE.get(world, 0.0)
    at = LEVEL_AT[world] if d else 0.0
    return {**BASE, "alpha": BASE["alpha"] + d, "A": BASE["A"] * 10.0 ** (d * at)}


def planted(world: str, seed: int, shared: float) -> RunTable:
    """Runs of "base" and "new"; `shared` is luck that partners of equal size share."""
    rng = np.random.default_rng([seed, list(LEVEL_AT).index(world)])
    c = np.logspace(LOW, HIGH, RUNS)
    luck = shared * rng.normal(size=RUNS)
    noise = 0.5 * shared if shared else NOISE
    losses = [
        LAW.predict({"C": c}, law) * np.exp(luck + noise * rng.normal(size=RUNS))
        for law in (BASE, law_of(world))
    ]
    method = np.repeat(np.array(["base", "new"], object), RUNS)
    return RunTable({"C": np.tile(c, 2), "L": np.concatenate(losses), "method": method})


def saved(world: str) -> float:
    """How many times more compute the first method needs at the largest scale."""
    law, c = law_of(world), 10.0**HIGH
    return float((BASE["A"] * c ** law["alpha"] / law["A"]) ** (1 / BASE["alpha"]) / c)


def told(made: Comparison, world: str, seed: int) -> dict[str, str]:
    """What one comparison says, against the truth."""
    c = made.main
    m, cross = c.multiplier, c.crossover
    at = 10.0 ** LEVEL_AT[world]
    return {
        "world": world,
        "seed": str(seed),
        "paired": str(int(made.design.kind == "pairs")),
        **{name: f"{t.p:.4f}" for name, t in c.tests.items()},
        "multiplier": str(int(m.lo <= saved(world) <= m.hi)),
        "crossing": "" if math.isnan(at) else str(int(holds(cross, at))),
        "promised": str(int((cross.none_before or 0.0) > at)),
        "shape": c.shape,
    }


def holds(cross: Crossover, at: float) -> bool:
    """Whether what is said of the crossing is true of one at `at`, infinite for none."""
    if cross.at is not None:
        return cross.at.lo <= at <= cross.at.hi
    return (cross.none_before or 0.0) <= at


def made(rows: Path, pairs: int, shared: float) -> Iterator[dict[str, str]]:
    """One row per pair, kept in a file; those that stand there are not made again."""
    if rows.exists():
        with rows.open() as file:
            known = list(csv.DictReader(file))
    else:
        rows.write_text(",".join(FIELDS) + "\n")
        known = []
    yield from known
    have = {(r["world"], r["seed"]) for r in known}
    with rows.open("a", newline="") as file:
        out = csv.DictWriter(file, FIELDS)
        for seed in range(pairs):
            for world in LEVEL_AT:
                if (world, str(seed)) in have:
                    continue
                found = compare(planted(world, seed, shared), "method", resamples=RESAMPLES,
                                seed=seed)  # fmt: skip
                row = told(found, world, seed)
                out.writerow(row)
                file.flush()
                yield row


def share(rows: Sequence[dict[str, str]], name: str, p: float | None = None) -> str:
    """A share in percent with its 95 % interval: of p at or below a level, or of hits."""
    has = [r for r in rows if r[name]]
    if not has:
        return "-"
    hits = sum(float(r[name]) <= p + 1e-9 if p is not None else r[name] == "1" for r in has)
    lo, hi = share_interval(hits, len(has))
    return f"{100 * hits / len(has):.1f} ({100 * lo:.0f} to {100 * hi:.0f})"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="of each world")
    parser.add_argument("--rows", type=Path, default=Path("planted_pairs.csv"))
    parser.add_argument("--shared", type=float, default=0.0, help="luck that partners share")
    given = parser.parse_args()
    rows = list(made(given.rows, given.pairs, given.shared))
    of = {w: [r for r in rows if r["world"] == w] for w in LEVEL_AT}
    tests = FIELDS[3:7]
    print("| rejected at 5 %, % (95 % interval) | " + " | ".join(LEVEL_AT) + " |")
    print("|---|" + "---:|" * len(LEVEL_AT))
    for name in tests:
        cells = [f"{share(of[w], name, 0.05)}{' *' if name in TRUE[w] else ''}" for w in LEVEL_AT]
        print(f"| {name} | " + " | ".join(cells) + " |")
    for name, said in (
        ("multiplier", "multiplier inside its 90 % interval"),
        ("crossing", "crossing as said, at 90 %"),
        ("promised", "a lead promised beyond where it is lost"),
        ("paired", "paired"),
    ):
        print(f"| {said} | " + " | ".join(share(of[w], name) for w in LEVEL_AT) + " |")
    print(f"\n{', '.join(f'{len(of[w])} pairs of {w}' for w in LEVEL_AT)}; * true: an error.")


if __name__ == "__main__":
    main()
