"""Do forecasts cover the truth in simulated worlds, right law or not? Ten and a hundred times out.

    python benchmarks/worlds.py [--tables 100] [--workers 2]

36 runs, six budgets from 1e17 to 10^19.5 FLOPs by six sizes about the optimum, in worlds where

- W0 the law is right, noise 0.4 %;
- W1 one run in ten is under-tuned, its loss higher by an exponential of mean 2.5 %;
- W2 all runs of a budget share an error of 0.4 %;
- W3 the coupled law is true, E + (A' N^-a + B' D^-b)^0.6;
- W4 the truth drifts off every law by 0.2 % times the square of the decades from the middle budget;
- W5 the exponent of N bends by a quarter in the middle of the sizes.

The truth is what the world's loss would be without a run's own noise, at the compute-optimal place
10x and 100x beyond the largest budget. "right law" is the interval of someone who knows the law and
that the noise is normal: least squares and a t interval, no other doubt.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterator

import numpy as np
from coverage import bootstrap, line, process
from loky import get_reusable_executor
from numpy.typing import NDArray

from forescale.fit import fit
from forescale.fit._build import needed
from forescale.forecast import choose, forecast
from forescale.forecast.scores import interval_score
from forescale.laws import get
from forescale.runs import RunTable
from forescale.uncertainty import assess

Array = NDArray[np.float64]

WORLDS = ("W0", "W1", "W2", "W3", "W4", "W5")
BUDGETS = np.logspace(17, 19.5, 6)
BEYOND = (10.0, 100.0)
LEVEL = 0.9
#: Hoffmann's law, and the coupled one of W3 with the same floor and like losses.
TRUTH = dict(get("chinchilla").typical)
COUPLED = {"power": 0.6, "factor": 1.6}


def optimum(c: Array) -> tuple[Array, Array]:
    """Compute-optimal N and D of the true law."""
    t = TRUTH
    share = t["beta"] / (t["alpha"] + t["beta"])
    g = (t["alpha"] * t["A"] / (t["beta"] * t["B"])) ** (1 / (t["alpha"] + t["beta"]))
    n = g * (c / 6) ** share
    return n, c / (6 * n)


def loss(world: str, n: Array, d: Array) -> Array:
    """The world's loss without noise."""
    t, c = TRUTH, 6 * n * d
    size, data = t["A"] * n ** -t["alpha"], t["B"] * d ** -t["beta"]
    if world == "W3":
        # Inner exponents such that both terms fall as in the additive law.
        k, f = COUPLED["power"], COUPLED["factor"]
        return t["E"] + ((size / f) ** (1 / k) + (data / f) ** (1 / k)) ** k * f
    if world == "W5":
        middle = float(optimum(np.array([np.sqrt(BUDGETS[0] * BUDGETS[-1])]))[0][0])
        size = size * (1 + n / middle) ** (0.25 * t["alpha"])
    plain = t["E"] + size + data
    if world == "W4":
        decades = np.log10(c / np.sqrt(BUDGETS[0] * BUDGETS[-1]))
        plain = plain * (1 + 0.002 * decades**2 * np.sign(decades))
    return plain


def table(world: str, seed: int) -> RunTable:
    """36 runs of a world."""
    rng = np.random.default_rng([WORLDS.index(world), seed])
    best, _ = optimum(BUDGETS)
    n = (best[:, None] * np.logspace(-0.75, 0.75, 6)).ravel()
    c = np.repeat(BUDGETS, 6)
    d = c / (6 * n)
    noise = 0.004 * rng.standard_normal(36)
    if world == "W1":
        noise += np.where(rng.random(36) < 0.1, rng.exponential(0.025, 36), 0.0)
    if world == "W2":
        noise += np.repeat(0.004 * rng.standard_normal(6), 6)
    return RunTable({"N": n, "D": d, "C": c, "L": loss(world, n, d) * np.exp(noise)})


def one(job: tuple[str, int]) -> list[tuple[str, str, float, bool, float, float]]:
    """World, method, distance, covered, width in %, interval score in % for one table."""
    warnings.simplefilter("ignore")
    world, seed = job
    runs = table(world, seed)
    n, d = optimum(BUDGETS[-1] * np.array(BEYOND))
    at = {"N": n, "D": d}
    truth = loss(world, n, d)
    made = assess(choose(runs), resamples=500)
    points = forecast(made, at, level=LEVEL).points
    right = assess(fit(runs, "chinchilla", objective="lsq-log"), "sandwich", resamples=500)
    x, y = needed(runs, right.spec)
    found = {
        "forescale": [(p.band.lo, p.band.hi) for p in points],
        "parameters and laws": [(p.parameters.lo, p.parameters.hi) for p in points],
        "bootstrap": list(zip(*bootstrap(made, at)[LEVEL][1:], strict=True)),
        "GP": list(zip(*process(x, y, at)[LEVEL][1:], strict=True)),
        "line": list(zip(*line(x, y, at)[LEVEL][1:], strict=True)),
        "right law": list(zip(*bootstrap(right, at)[LEVEL][1:], strict=True)),
    }
    out = []
    for method, bands in found.items():
        for beyond, t, (lo, hi) in zip(BEYOND, truth, bands, strict=True):
            width = 100 * (hi - lo) / t
            score = interval_score(np.array([t]), np.array([lo]), np.array([hi]), LEVEL)
            out.append((world, method, beyond, bool(lo <= t <= hi), width, 100 * score / t))
    return out


def lines(rows: list[tuple[str, str, float, bool, float, float]]) -> Iterator[str]:
    """Markdown, a row per method: coverage at 10x/100x (width at 100x; mean interval score)."""
    yield "| method | " + " | ".join(WORLDS) + " |"
    yield "|---" * (len(WORLDS) + 1) + "|"
    for method in dict.fromkeys(r[1] for r in rows):
        cells = []
        for world in WORLDS:
            part = [[r for r in rows if r[:3] == (world, method, b)] for b in BEYOND]
            hits = "/".join(f"{np.mean([r[3] for r in p]):.2f}" for p in part)
            widths = "/".join(f"{np.median([r[4] for r in p]):.1f}" for p in part)
            scores = "/".join(f"{np.mean([r[5] for r in p]):.1f}" for p in part)
            cells.append(f"{hits} ({widths}; {scores})")
        yield f"| {method} | " + " | ".join(cells) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=100)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    jobs = [(w, s) for s in range(args.tables) for w in WORLDS]
    rows = []
    with get_reusable_executor(max_workers=args.workers) as pool:
        for i, found in enumerate(pool.map(one, jobs, chunksize=4), 1):
            rows += found
            if i % 60 == 0:
                print(f"{i}/{len(jobs)}", file=sys.stderr)
    print("\n".join(lines(rows)))


if __name__ == "__main__":
    main()
