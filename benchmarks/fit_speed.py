"""CPU time of fits and of bootstrap refits, beside what people use today.

    python benchmarks/fit_speed.py [FOLDER]

FOLDER holds chinchilla_epoch.csv, the runs of Besiroglu et al. 2024 (the 240 marked
in_epoch_240 are used). Without it the runs are simulated from the published law. CPU seconds of
one process; set OMP_NUM_THREADS=1. Only ratios carry over to another machine.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from forescale import laws, uncertainty
from forescale.fit import Fit, fit, refit
from forescale.laws import Law
from forescale.maths.sequences import kronecker
from forescale.runs import RunTable, read

RESAMPLES = 4000
WIDTH = 1e-3


def cpu(f: Callable[[], Any], repeats: int = 1) -> tuple[float, Any]:
    """Median CPU seconds of a call, and what it returned."""
    taken, out = [], None
    for _ in range(repeats):
        began = time.process_time()
        out = f()
        taken.append(time.process_time() - began)
    return float(np.median(taken)), out


def simulated(law: Law, n: int, noise: float) -> RunTable:
    """Quasi-random runs over the law's domain."""
    u = kronecker(n, len(law.inputs))
    x = {}
    for j, i in enumerate(law.inputs):
        low, high = law.domain[i]
        x[i] = low * (high / low) ** u[:, j] if low > 0 else low + (high - low) * u[:, j]
    y = law.predict(x, law.typical)
    error = noise * np.random.default_rng(0).standard_t(4, size=n)
    y = y * np.exp(error) if law.residual == "log" else y + error * np.ptp(y)
    return RunTable({**x, law.predicts: y})


def table(folder: Path | None) -> tuple[RunTable, str]:
    """The runs of the comparison, and what they are."""
    if folder is None:
        return simulated(laws.get("chinchilla"), 240, 0.01), (
            "240 runs simulated from the published law (no data folder was given)"
        )
    runs = read(folder / "chinchilla_epoch.csv", where="in_epoch_240=1")
    return runs, "the 240 runs of chinchilla_epoch.csv"


class Published:
    """The objective of Hoffmann et al. 2022, approach 3: (a, b, e, alpha, beta) -> loss, slope."""

    def __init__(self, runs: RunTable) -> None:
        self.x, self.y = np.log(runs["N"]), np.log(runs["D"])
        self.target = np.log(np.asarray(runs["L"], float))

    def __call__(self, t: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, Any]:
        a, b, e, alpha, beta = t
        terms = np.stack([a - alpha * self.x, b - beta * self.y, np.full(len(self.x), e)])
        top = terms.max(0)
        shares = np.exp(terms - top)
        total = shares.sum(0)
        r = top + np.log(total) - self.target
        c = np.clip(r, -WIDTH, WIDTH)
        w = 1.0 if weights is None else weights
        pa, pb, pe = shares / total * (c * w)
        slope = [pa.sum(), pb.sum(), pe.sum(), -(pa * self.x).sum(), -(pb * self.y).sum()]
        return float((w * c * (r - 0.5 * c)).sum()), np.array(slope)

    def of(self, p: dict[str, float]) -> np.ndarray:
        """Its coordinates for parameters in users' units."""
        return np.array([np.log(p["A"]), np.log(p["B"]), np.log(p["E"]), p["alpha"], p["beta"]])


def grid(most: int) -> tuple[np.ndarray, int]:
    """`most` of the published grid's starts, evenly spread, and how many there are."""
    every = np.array(
        list(
            product(
                np.arange(0, 30, 5),
                np.arange(0, 30, 5),
                np.arange(-1, 1.5, 0.5),
                np.arange(0, 2.5, 0.5),
                np.arange(0, 2.5, 0.5),
            )
        ),
        float,
    )
    return every[:: max(1, len(every) // most)], len(every)


def with_scipy(published: Published, found: Fit, weights: np.ndarray) -> list[tuple[str, ...]]:
    """Rows of the table: L-BFGS from the published grid, and one refit per resample."""
    starts, every = grid(90)

    def search() -> float:
        return min(minimize(published, s, jac=True, method="L-BFGS-B").fun for s in starts)

    seconds, best = cpu(search)
    scaled = seconds * every / len(starts)
    some = weights[:: len(weights) // 40]
    start = published.of(found.params)

    def again() -> list[float]:
        return [
            minimize(published, start, (w,), jac=True, method="L-BFGS-B", tol=1e-14).fun
            for w in some
        ]

    def as_published() -> list[float]:
        # The published scripts give BFGS no gradient: it takes differences.
        return [
            minimize(lambda t: published(t, w)[0], start, method="BFGS").fun  # noqa: B023
            for w in some
        ]

    refits, theirs = cpu(again)
    plain, _ = cpu(as_published)
    ours = refit(found.problem, found.theta, some)
    worse = int((ours.value > np.array(theirs) * (1 + 1e-9)).sum())
    print(
        f"Resamples in which our minimum is above SciPy's: {worse} of {len(some)}; "
        f"sums {ours.value.sum():.9f} (ours), {sum(theirs):.9f} (SciPy's).\n"
    )
    return [
        (f"SciPy L-BFGS, grid of {every} starts ({len(starts)} run, scaled)", scaled, best),
        (
            f"SciPy L-BFGS, {RESAMPLES} refits ({len(some)} run, scaled)",
            refits * RESAMPLES / len(some),
            None,
        ),
        (
            f"SciPy BFGS by differences, {RESAMPLES} refits ({len(some)} run, scaled)",
            plain * RESAMPLES / len(some),
            None,
        ),
    ]  # type: ignore[list-item]


def with_chinchilla(runs: RunTable, published: Published) -> list[tuple[Any, ...]]:
    """The package `chinchilla` with Huber's loss of logs, from a part of 1024 starts."""
    try:
        import chinchilla
        from chinchilla._metrics import log_huber
    except ImportError as error:
        print(f"(chinchilla is not installed: {error})\n")
        return []
    starts = {
        "e": [0.0, 1.0],
        "a": [5.0, 10.0],
        "b": [5.0, 10.0],
        "alpha": [0.3, 0.7],
        "beta": [0.3, 0.7],
    }
    with tempfile.TemporaryDirectory() as folder:
        package = chinchilla.Chinchilla(
            folder,
            param_grid=starts,
            log_level=50,
            loss_fn=lambda y, f: log_huber(y, f, delta=WIDTH),
        )
        package.visualizer.optim = lambda *_, **__: None
        for n, d, y in zip(runs["N"], runs["D"], runs["L"], strict=True):
            package.append(N=float(n), D=float(d), loss=float(y))
        seconds, _ = cpu(lambda: package.fit(parallel=False))
    best = published(published.of(dict(package.params)))[0]
    return [("`chinchilla` 1024 starts (32 run, scaled; best of these)", seconds * 32, best)]


def with_lmfit(runs: RunTable, published: Published) -> list[tuple[Any, ...]]:
    """Least squares by lmfit of the root of Huber's loss, from one good start."""
    try:
        import lmfit
    except ImportError as error:
        print(f"(lmfit is not installed: {error})\n")
        return []
    names = ("a", "b", "e", "alpha", "beta")
    start = lmfit.Parameters()
    for name, value in zip(names, (6.0, 7.0, 0.5, 0.4, 0.4), strict=True):
        start.add(name, value=value)

    def residual(p: Any) -> np.ndarray:
        a, b, e, alpha, beta = (p[n].value for n in names)
        terms = np.stack([a - alpha * published.x, b - beta * published.y, np.full(len(runs), e)])
        r = np.logaddexp.reduce(terms) - published.target
        c = np.clip(r, -WIDTH, WIDTH)
        return np.sign(r) * np.sqrt(2 * c * (r - 0.5 * c))

    seconds, out = cpu(lambda: lmfit.minimize(residual, start, method="least_squares"))
    best = published(np.array([out.params[n].value for n in names]))[0]
    return [("lmfit, one start", seconds, best)]


def peak(f: Callable[[], Any]) -> float:
    """Most additional memory that Python and NumPy held during a call, in MiB."""
    tracemalloc.start()
    f()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most / 2**20


def compare(runs: RunTable, what: str) -> None:
    print(f"## One law, {what}\n")
    law = laws.get("chinchilla")
    fit(runs, law, objective="hoffmann")  # the formula's derivatives are taken once
    one, found = cpu(lambda: fit(runs, law, objective="hoffmann"), 9)
    rng = np.random.default_rng(0)
    weights = rng.multinomial(len(runs), np.full(len(runs), 1 / len(runs)), RESAMPLES) * 1.0
    many, ends = cpu(lambda: refit(found.problem, found.theta, weights), 3)
    memory = peak(lambda: refit(found.problem, found.theta, weights))
    published = Published(runs)
    rows: list[tuple[Any, ...]] = [
        ("forescale fit, 256 starts", one, published(published.of(found.params))[0]),
        (f"forescale, {RESAMPLES} refits", many, None),
        *with_scipy(published, found, weights),
        *with_chinchilla(runs, published),
        *with_lmfit(runs, published),
    ]
    print("| | CPU s | times ours | objective |\n|---|---:|---:|---:|")
    for name, seconds, value in rows:
        ours = many if "refits" in name else one
        shown = "" if value is None else f"{value:.12f}"
        print(f"| {name} | {seconds:.3f} | {seconds / ours:.1f} | {shown} |")
    print(
        f"\nRefits proved a minimum: {100 * ends.converged.mean():.2f} %; "
        f"memory they add: {memory:.0f} MiB.\n"
    )


def catalogue(resamples: int) -> None:
    """What a fit and the draws of the pairs bootstrap cost for every law, beside Chinchilla's."""
    cost: dict[str, tuple[float, float, float]] = {}
    for name in ("chinchilla", *laws.names()):
        law = laws.get(name)
        runs = simulated(law, 240, 0.005)
        # The search must search: neither typical values nor the law's own guess.
        law = replace(law, typical={}, guess=None)
        fit(runs, law)
        one, found = cpu(lambda r=runs, w=law: fit(r, w), 3)
        each = np.arange(len(runs))
        many, (draws, _) = cpu(
            lambda f=found, c=each: uncertainty.get("pairs").draw(
                f, resamples, 0, clusters=c, workers=1
            ),
            3,
        )
        cost[name] = one, many * RESAMPLES / resamples, len(draws) / resamples
    base = cost["chinchilla"]
    print("## Every law, 240 simulated runs, default objective\n")
    print(f"Draws of the pairs bootstrap, as users get them: {resamples}, scaled to {RESAMPLES}.\n")
    print("| law | parameters | fit, ms | x chinchilla | draws, s | x chinchilla | kept |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, (one, many, kept) in sorted(cost.items(), key=lambda c: c[1][1]):
        print(
            f"| {name} | {len(laws.get(name).params)} | {1e3 * one:.0f} | {one / base[0]:.1f} | "
            f"{many:.2f} | {many / base[1]:.1f} | {100 * kept:.1f} % |"
        )
    within = sum(many <= 3 * base[1] for _, many, _ in cost.values())
    print(f"\n{within} of {len(cost)} laws draw within three times Chinchilla's cost.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("folder", nargs="?", type=Path, help="folder with chinchilla_epoch.csv")
    parser.add_argument("--resamples", type=int, default=1024, help="draws made for every law")
    parser.add_argument("--only", choices=("compare", "catalogue"))
    given = parser.parse_args()
    if given.only != "catalogue":
        compare(*table(given.folder))
    if given.only != "compare":
        catalogue(given.resamples)


if __name__ == "__main__":
    main()
