"""Whether and when a run will generalise: how well is it told before, and what do probes add?

    python benchmarks/grok_forecast.py [--data FOLDER]

First the runs we ship, one task left out at a time, told at a tenth, a quarter and half of the
steps to the event; then, where a folder of published runs is given, each of those from our runs.
Beside it the curve of waiting times, which sees no sign of the run but how long it has waited.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forescale.emergence.events import _signs
from forescale.emergence.events._held_out import SHARES, Told, askings, compared, scored, told
from forescale.emergence.events._told import FIRST, Known, Teller, waited
from forescale.emergence.events.grokking import GENERALISED, known, recorded
from forescale.emergence.events.outlook import COLUMNS
from forescale.runs import read
from forescale.runs.curves import find_curves

#: Curves that are read, each way with those of the ways above it.
WAYS = (
    ("losses and accuracies", ("step", "fallen", "memorised", *_signs.LOSSES)),
    ("and settings", ("weight_decay", "lr", "shrunk")),
    ("and norms", ("weight_norm", "gradient_norm")),
    ("and all probes", tuple(_signs.SCALES)),
)
PUBLISHED = ("grokking_nanda_curves", "grokking_muon_curves", "grokking_normcap_curves")
HEAD = (
    "| signs | told at | runs | AUC | off by | inside 90 % | Brier |\n|---|---|---|---|---|---|---|"
)


def names(every: Sequence[str], curves: Sequence[str]) -> tuple[str, ...]:
    """The signs that some curves give."""
    return tuple(n for n in every if n in curves or n.removesuffix("_slope") in curves)


def show(way: str, found: Sequence[Told]) -> None:
    """A row for each share, and one of all."""
    for share in (*SHARES, None):
        part = [t for t in found if share in (None, t.share)]
        s = scored(part)
        at = "all" if share is None else f"{share:.0%}"
        off = f"{10**s.error:.1f} times" if math.isfinite(s.error) else "no time told"
        print(
            f"| {way} | {at} | {s.forecasts} ({s.events}) | {s.auc:.2f} | {off} | "
            f"{s.coverage:.0%} | {s.brier:.3f} |",
            flush=True,
        )


def ours() -> None:
    """One task of ours left out at a time."""
    runs = recorded()
    every = tuple(runs[0].landmarks[0][1])
    came, tasks = sum(k.came for k in runs), len({k.task for k in runs})
    print(f"\n{len(runs)} runs of ours, {came} of which generalise, one task of {tasks} left out\n")
    print(HEAD)
    show("waiting times alone", tuple(told(runs, None)))
    curves: tuple[str, ...] = ()
    for way, more in WAYS:
        curves += more
        show(way, tuple(told(runs, names(every, curves))))


def published(folder: Path, name: str) -> None:
    """Runs of others, told from ours."""
    table = read(folder / f"{name}.csv.gz", pick="all")
    curves = find_curves(table)
    assert curves is not None
    columns = {
        n: np.asarray(table[c], float)
        for n, choices in COLUMNS.items()
        for c in [next((c for c in choices if c in table.columns), None)]
        if c is not None and table.columns[c].dtype != object
    }
    runs = []
    for i in range(curves.count):
        mine = np.flatnonzero((curves.run == i) & (curves.position >= 1))
        step = curves.position[mine]
        mine = mine[np.r_[np.diff(step) > 0, True]]
        here = {n: c[mine] for n, c in columns.items()}
        if "test_accuracy" not in here:
            # Losses alone: generalised is what the table's readme counts, a test loss below 0.1.
            here["test_accuracy"] = np.where(here["test_loss"] < 0.1, 1.0, 0.0)
            one = known(name, curves.position[mine], here, {})
            del here["test_accuracy"]
            one = Known(one.task, one.steps, here, {}, one.time, one.came)
        else:
            one = known(name, curves.position[mine], here, {})
        fits = bool((one.curves["train_loss"] < 0.1).any())
        if fits and one.time > 4 * FIRST and len(one.steps) > 20:
            runs.append(one)
    came = sum(k.came for k in runs)
    print(f"\n{name}: {len(runs)} runs, {came} of which generalise, told from ours\n")
    print(HEAD)
    one = runs[0]
    every = tuple(_signs.signs(one.steps, one.curves, one.time, one.settings))
    teller = Teller(recorded(), every)
    by = max(run.steps[-1] for run in runs)
    asked = askings(runs)
    reads = [_signs.signs(r.steps, r.curves, u, r.settings) for r, _, u in asked]
    blind = [compared(*one, waited(recorded(), one[2])[0], by=by) for one in asked]
    seen = [
        compared(*one, curve, by=by)
        for one, (curve, _) in zip(asked, teller.tell(reads), strict=True)
    ]
    show("waiting times alone", blind)
    show("what is logged", seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    print(f"generalised: test accuracy of {GENERALISED:g} or more")
    ours()
    for name in PUBLISHED if args.data else ():
        published(args.data, name)


if __name__ == "__main__":
    main()
