"""A ladder of sizes and data, designed for a time budget, its learning rate tuned at the foot.

The grid is a trapezoid: every size is trained on a series of budgets that double, small sizes
on longer ones. Rates are tuned at the smallest size only, for a short and a longer budget; the
parametrisation carries them to the other sizes (Yang et al. 2022), a power law to the other
budgets.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from forescale import files
from forescale.errors import BadOption, BadTable
from forescale.lab.config import Config
from forescale.lab.how import results
from forescale.lab.sweep import Progress, sweep
from forescale.runs import RunTable

#: Sizes a ladder may climb, as values of the models' dial.
DIAL = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 64)
#: Sizes in a ladder, and fewest steps of a run: shorter ones do not follow any law yet (with
#: 128 the error on the largest size held out was 3.4 %, without them 2.3 %).
RUNGS, LEAST_STEPS = 5, 256
#: Budgets, each twice the one before: the most first; and how many the largest size gets.
DOUBLINGS, TOP_DOUBLINGS = (6, 5, 4, 3), 3
#: Shares of the budget: tuning, the longest run, and what is left for fit and accidents.
TUNING, LONGEST, SPARE = 0.15, 0.18, 0.15
#: Learning rates tried, as factors of two around the optimizer's own, and how many more are
#: tried where the best lies at an end.
RATES, FARTHER = (-2, -1, 0, 1, 2), 4
#: How the best rate may fall with the data.
STEEPEST = -0.5

Say = Callable[[str, Progress], None]


@dataclass(frozen=True)
class Design:
    """What a ladder will train.

    Args:
        base: What all runs share.
        sizes: Values of the dial.
        steps: Steps of each budget, doubling.
        most: For each size, how many of the budgets it is trained on.
        seeds: For each size, seeds of its runs, by budget.
        pace: Seconds per step of each size, as measured.
        seconds: Estimated core-seconds of the whole.
        budget: Seconds of wall time it was made for; None where that was not kept.
    """

    base: dict[str, Any]
    sizes: tuple[int, ...]
    steps: tuple[int, ...]
    most: tuple[int, ...]
    seeds: tuple[tuple[int, ...], ...]
    pace: tuple[float, ...]
    seconds: float
    budget: float | None = None

    def runs(self, rate: Callable[[int], float]) -> list[Config]:
        """The runs, at the rate for a number of steps."""
        return [
            msgspec.convert(
                {**self.base, "size": s, "steps": n, "seed": k, "lr": _short(rate(n))}, Config
            )
            for s, most, seeds in zip(self.sizes, self.most, self.seeds, strict=True)
            for n, count in zip(self.steps[:most], seeds, strict=True)
            for k in range(count)
        ]

    def trial(self, steps: int, rate: float) -> Config:
        """A run of the smallest size that tries a rate."""
        values = {**self.base, "size": self.sizes[0], "steps": steps, "lr": _short(rate)}
        return msgspec.convert(values, Config)

    @property
    def horizons(self) -> tuple[int, int]:
        """Steps of the two budgets that rates are tuned for."""
        return self.steps[0], self.steps[min(2, self.most[0] - 1)]


def design(
    base: Mapping[str, Any], *, budget: float, workers: int, pace: Callable[[int], float]
) -> Design:
    """The largest ladder that a time budget allows.

    Args:
        base: What all runs share, as fields of `Config`.
        budget: Seconds of wall time.
        workers: Runs at a time.
        pace: Seconds per step of a size.

    Raises:
        BadOption: If the budget does not allow even the smallest ladder.
    """
    total = budget * workers * (1.0 - SPARE)
    cap = LONGEST * total
    best: Design | None = None
    for sizes in _climbs():
        paces = tuple(pace(s) for s in sizes)
        if LEAST_STEPS * 2 ** (TOP_DOUBLINGS - 1) * paces[-1] > cap:
            break
        # Long runs of small sizes make way for a larger size at the top.
        for doublings in DOUBLINGS:
            steps = tuple(LEAST_STEPS * 2**j for j in range(doublings))
            most = tuple(sum(n * p <= cap for n in steps) for p in paces)
            cost = sum(p * sum(steps[:m]) for p, m in zip(paces, most, strict=True))
            if cost <= (1.0 - TUNING) * total:
                break
        else:
            break
        seeds = [[1] * m for m in most]
        # What is left buys repeats, the cheapest first: they tell the noise.
        order = sorted(
            ((n * p, i, j) for i, p in enumerate(paces) for j, n in enumerate(steps[: most[i]])),
        )
        for seconds, i, j in order:
            if cost + seconds > (1.0 - TUNING) * total:
                break
            seeds[i][j] += 1
            cost += seconds
        best = Design(
            base=dict(base),
            sizes=sizes,
            steps=steps,
            most=most,
            seeds=tuple(map(tuple, seeds)),
            pace=paces,
            seconds=cost + TUNING * total,
            budget=budget,
        )
    if best is None:
        raise BadOption(
            f"{budget:.0f} s with {workers} runs at a time do not allow a ladder of {RUNGS} sizes",
            fix=f"give {_least_minutes(pace, workers)} minutes or more, or more workers",
        )
    return best


def _least_minutes(pace: Callable[[int], float], workers: int) -> int:
    """Minutes that the smallest ladder asks for, by what `design` holds it to."""
    paces = [pace(s) for s in next(_climbs())]
    longest = paces[-1] * LEAST_STEPS * 2 ** (TOP_DOUBLINGS - 1) / LONGEST
    whole = sum(paces) * LEAST_STEPS * (2 ** DOUBLINGS[-1] - 1) / (1.0 - TUNING)
    seconds = max(longest, whole) / (workers * (1.0 - SPARE))
    # A minute to the last bit would be refused when it comes back rounded.
    return math.ceil(seconds / 60 * (1 + 1e-9))


def _climbs() -> Iterator[tuple[int, ...]]:
    """Sizes of every ladder there can be, the smallest first: evenly spaced in their logs."""
    for top in DIAL[RUNGS - 1 :]:
        wanted = np.geomspace(DIAL[0], top, RUNGS)
        sizes = tuple(sorted({_nearest(float(w)) for w in wanted}))
        if len(sizes) == RUNGS:
            yield sizes


def _nearest(size: float) -> int:
    return min(DIAL, key=lambda d: abs(math.log(d / size)))


def measured_pace(
    base: Mapping[str, Any], *, device: str, compiled: bool
) -> Callable[[int], float]:
    """Seconds per step of a size on this machine, by training it for a moment."""
    from forescale.lab.engines.local import one_thread
    from forescale.lab.trainer import train

    # Not `settle`: that is for workers, and would make this process deaf to Ctrl-C.
    one_thread()
    known: dict[int, float] = {}

    def took(size: int, steps: int) -> float:
        config = msgspec.convert({**base, "size": size, "steps": steps, "marks": 1}, Config)
        began = time.perf_counter()
        train(config, device=device, compiled=compiled)
        return time.perf_counter() - began

    def pace(size: int) -> float:
        if not known:
            took(size, 1)  # The first run of all reads the data.
        if size not in known:
            # Two lengths: what starting costs drops out of their difference.
            known[size] = max((took(size, 24) - took(size, 4)) / 20, 1e-5)
        return known[size]

    return pace


def best_rate(rows: Sequence[Mapping[str, Any]]) -> float:
    """The learning rate of lowest loss: the vertex of a parabola in its log through the best.

    Raises:
        BadTable: If every run diverged.
    """
    seen = {float(r["lr"]): float(r["loss"]) for r in rows if math.isfinite(float(r["loss"]))}
    if not seen:
        raise BadTable("every learning rate diverged", fix="give a lower one")
    rates = sorted(seen)
    i = min(range(len(rates)), key=lambda k: seen[rates[k]])
    if not 0 < i < len(rates) - 1:
        return rates[i]
    x = np.log(rates[i - 1 : i + 2])
    y = [seen[r] for r in rates[i - 1 : i + 2]]
    a, b, _ = np.polyfit(x, y, 2)
    return float(np.exp(np.clip(-b / (2 * a), x[0], x[2]))) if a > 0 else rates[i]


def farther(tried: Sequence[float], best: float) -> list[float]:
    """The next rate outwards, where the best of those tried lies at an end."""
    low, high = min(tried), max(tried)
    if best >= high * 0.99:
        return [2.0 * high]
    return [0.5 * low] if best <= low * 1.01 else []


def rate_rule(horizons: tuple[int, int], best: tuple[float, float]) -> Callable[[int], float]:
    """The rate for a number of steps: a power law through the best of two budgets."""
    (n0, n1), (r0, r1) = horizons, best
    slope = math.log(r1 / r0) / math.log(n1 / n0) if n1 > n0 else 0.0
    slope = float(np.clip(slope, STEEPEST, 0.0))
    return lambda steps: float(r0 * (steps / n0) ** slope)


def _short(rate: float) -> float:
    return float(f"{rate:.3g}")


def ladder(
    base: Mapping[str, Any],
    folder: Path,
    *,
    budget: float,
    workers: int,
    device: str = "cpu",
    compiled: bool = False,
    engine: str = "local",
    say: Say | None = None,
    **others: Any,
) -> tuple[RunTable, Design]:
    """Design, tune and train a ladder; the same call goes on where an earlier one stopped.

    Args:
        base: What all runs share, as fields of `Config`: task, model, optimizer, init, ...
        folder: Where everything lies; the design, once made, is read from there.
        budget: Seconds of wall time.
        workers: Runs at a time.
        device: PyTorch's name of the device.
        compiled: Compile the models.
        engine: Name of an engine.
        say: Called with the stage and its progress.
        others: What `sweep` takes besides.

    Returns:
        The table of runs, and the design.

    Raises:
        BadOption: If the budget is too small, or the folder holds a ladder of other settings or
            of another budget.
    """
    from forescale.lab import optimizers

    folder.mkdir(parents=True, exist_ok=True)
    made = _kept(folder, base, budget)
    if made is None:
        pace = measured_pace(base, device=device, compiled=compiled)
        made = design(base, budget=budget, workers=workers, pace=pace)
        files.write(folder / "ladder.json", json.dumps(asdict(made), indent=1))
    options: dict[str, Any] = {
        "workers": workers,
        "device": device,
        "compiled": compiled,
        "engine": engine,
        **others,
    }
    middle = base.get("lr") or optimizers.get(str(base.get("optimizer", "adamw"))).lr
    tried = {n: [float(middle) * 2.0**r for r in RATES] for n in made.horizons}
    for _ in range(1 + FARTHER):
        trials = [made.trial(n, r) for n, rates in tried.items() for r in rates]
        sweep(trials, folder, name="tuning", say=_staged("tuning", say), **options)
        rows = [r["row"] for r in results(trials, folder)]
        best = {n: best_rate([r for r in rows if r["steps"] == n]) for n in tried}
        ends = {n: farther(rates, best[n]) for n, rates in tried.items()}
        if not any(ends.values()):
            break
        tried = {n: [*rates, *ends[n]] for n, rates in tried.items()}
    first, second = made.horizons
    configs = made.runs(rate_rule(made.horizons, (best[first], best[second])))
    runs = sweep(configs, folder, say=_staged("ladder", say), **options)
    return runs, made


def _staged(stage: str, say: Say | None) -> Callable[[Progress], None] | None:
    return None if say is None else lambda progress: say(stage, progress)


def _kept(folder: Path, base: Mapping[str, Any], budget: float) -> Design | None:
    path = folder / "ladder.json"
    if not path.exists():
        return None
    made = msgspec.json.decode(path.read_bytes(), type=Design)
    differ = [k for k in {*made.base, *base} if made.base.get(k) != base.get(k)]
    # Going on would train the old ladder and leave the new budget unused without a word.
    if made.budget is not None and made.budget != budget:
        differ.append(f"budget {made.budget / 60:g} min, not {budget / 60:g}")
    if differ:
        raise BadOption(
            f"this folder holds a ladder with other settings ({', '.join(sorted(differ))})",
            where=str(path),
            fix="give the same settings to go on with it, or another folder",
        )
    return made
