"""Which settings lead to which end: a map with boundaries, from few runs placed where it is open.

A run ends in one of four phases: it generalises as it learns (comprehension), long after it has
learnt its examples by heart (grokking), never though it has (memorisation), or learns nothing
(confusion). Probabilities of the phases over the settings are a Gaussian process classifier's;
the next runs are placed where they say least, apart from each other.

Source: Liu et al. 2022, "Towards Understanding Grokking: An Effective Theory of Representation
Learning" (the phases); Rasmussen & Williams 2006, "Gaussian Processes for Machine Learning",
chapter 3; Scheffer, Decomain & Wrobel 2001, "Active Hidden Markov Models for Information
Extraction" (least margin).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption, BadTable, MissingExtra
from forescale.quantities import format_number, short
from forescale.summarised import Summarised

Array = NDArray[np.float64]

PHASES = ("comprehension", "grokking", "memorisation", "confusion")
#: A run groks if it generalises so many times later than it memorises.
DELAY = 2.0
#: Places tried for the next runs, and the reach of a place that was chosen, in the unit cube.
TRIED, REACH = 1024, 0.07
#: Runs per axis that are spread evenly before others are placed.
SPREAD = 4
#: Chance that a phase must have for a place to count as known.
KNOWN = 0.8


@dataclass(frozen=True)
class Axis:
    """A setting that is varied.

    Args:
        name: The setting.
        low: Lower end.
        high: Upper end.
        log: Whether it is spread by its log.
    """

    name: str
    low: float
    high: float
    log: bool = True

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and not self.low > 0):
            raise BadOption(
                f"{self.name} from {self.low:g} to {self.high:g}",
                where=self.name,
                fix="give a lower end above 0 and a higher one",
            )

    def unit(self, value: Array) -> Array:
        """Values as places between 0 and 1."""
        if self.log:
            return np.asarray(np.log(value / self.low) / math.log(self.high / self.low))
        return np.asarray((value - self.low) / (self.high - self.low))

    def value(self, place: Array) -> Array:
        """Places between 0 and 1 as values."""
        if self.log:
            return np.asarray(self.low * (self.high / self.low) ** place)
        return np.asarray(self.low + (self.high - self.low) * place)


@dataclass(frozen=True)
class PhaseMap(Summarised):
    """Runs, the phase each ended in, and what they say of the settings between them.

    Args:
        axes: Settings that were varied.
        places: Their values in each run, shape (runs, axes).
        phases: The phase of each run.
        seed: Seed of the places that are tried.
    """

    axes: tuple[Axis, ...]
    places: Array = field(repr=False)
    phases: tuple[str, ...] = field(repr=False)
    seed: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """Runs of each phase that was seen."""
        return {p: self.phases.count(p) for p in PHASES if p in self.phases}

    @cached_property
    def _model(self) -> Any:
        if len(self.counts) < 2:
            return None
        try:
            from sklearn.gaussian_process import GaussianProcessClassifier
            from sklearn.gaussian_process.kernels import RBF, ConstantKernel
        except ModuleNotFoundError:
            raise MissingExtra(
                "a phase map needs scikit-learn", fix="pip install 'forescale[lab]'"
            ) from None
        import warnings

        kernel = ConstantKernel(10.0, (1.0, 1e3)) * RBF(np.full(len(self.axes), 0.3), (0.05, 3.0))
        model = GaussianProcessClassifier(kernel, random_state=0)
        with warnings.catch_warnings():
            # A length at its bound is no fault: a setting that does not matter, or few runs.
            warnings.simplefilter("ignore")
            model.fit(self._units(self.places), np.array(self.phases))
        return model

    def probability(self, places: Array) -> Array:
        """Chance of each of `PHASES`, shape (n, 4), at values of the settings, shape (n, axes)."""
        out = np.zeros((len(places), len(PHASES)))
        if self._model is None:
            out[:, PHASES.index(self.phases[0])] = 1.0
            return out
        found = self._model.predict_proba(self._units(places))
        for j, phase in enumerate(self._model.classes_):
            out[:, PHASES.index(phase)] = found[:, j]
        return out

    def next(self, count: int) -> Array:
        """Where the next runs tell most, shape (count, axes)."""
        tried = _spread(TRIED, len(self.axes), self.seed + len(self.phases))
        if self._model is None:
            # One phase so far: as far from all runs as can be.
            open_ = np.ones(TRIED)
        else:
            # Nearest to a boundary: the two likeliest phases are as likely. With entropy the places
            # where all four are possible come first, and boundaries of two stay coarse.
            p = np.sort(self.probability(self._values(tried)), axis=1)
            open_ = 1 - (p[:, -1] - p[:, -2])
        seen, chosen = self._units(self.places), []
        for _ in range(count):
            away = np.linalg.norm(tried[:, None] - seen, axis=2).min(1)
            score = open_ * (away if self._model is None else 1 - np.exp(-((away / REACH) ** 2)))
            best = int(score.argmax())
            chosen.append(tried[best])
            seen = np.vstack([seen, tried[best]])
        return self._values(np.array(chosen))

    @cached_property
    def shares(self) -> dict[str, float]:
        """Share of the settings' space that each phase has, by its chance."""
        p = self.probability(self._values(_spread(TRIED, len(self.axes), self.seed)))
        return {phase: float(p[:, j].mean()) for j, phase in enumerate(PHASES)}

    @cached_property
    def known(self) -> float:
        """Share of the space in which one phase has a chance of 0.8 or more."""
        p = self.probability(self._values(_spread(TRIED, len(self.axes), self.seed)))
        return float((p.max(1) >= KNOWN).mean())

    def _units(self, places: Array) -> Array:
        return np.column_stack([a.unit(places[:, i]) for i, a in enumerate(self.axes)])

    def _values(self, units: Array) -> Array:
        return np.column_stack([a.value(units[:, i]) for i, a in enumerate(self.axes)])

    def __repr__(self) -> str:
        told = ", ".join(f"{n} {p}" for p, n in self.counts.items())
        return f"PhaseMap({' x '.join(a.name for a in self.axes)}: {told}; {self.known:.0%} known)"

    def summary(self) -> str:
        """What was varied, what was seen, and how much of the map is told."""
        ranges = "; ".join(
            f"{a.name} {format_number(a.low)} to {format_number(a.high)}" for a in self.axes
        )
        seen = ", ".join(f"{p} {n}" for p, n in self.counts.items())
        space = ", ".join(f"{p} {s:.0%}" for p, s in self.shares.items() if p in self.counts)
        return (
            f"phases over {ranges}\n  {len(self.phases)} runs: {seen}\n  of the space: {space}; "
            f"in {self.known:.0%} of it one phase has a chance of {KNOWN:g} or more"
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "schema": 1,
            "kind": "phase_map",
            "axes": [vars(a) for a in self.axes],
            "runs": [
                {**dict(zip((a.name for a in self.axes), map(float, row), strict=True)), "phase": p}
                for row, p in zip(self.places, self.phases, strict=True)
            ],
            "shares": self.shares,
            "known": self.known,
        }


def phase_map(
    axes: Sequence[Axis], runs: Sequence[Mapping[str, float]], phases: Sequence[str], seed: int = 0
) -> PhaseMap:
    """The map that runs draw.

    Args:
        axes: Settings that were varied.
        runs: Their values in each run.
        phases: The phase of each, of `PHASES`.
        seed: Seed of the places that are tried.

    Raises:
        BadTable: If there are no runs, or a phase is none of them, or a run lacks a setting.
    """
    if not runs or len(runs) != len(phases):
        raise BadTable(f"{len(runs)} runs and {len(phases)} phases", fix="give one of each")
    if strange := [p for p in phases if p not in PHASES]:
        raise BadTable(f"no phase {short(strange[0])!r}", fix=f"one of {', '.join(PHASES)}")
    for axis in axes:
        if any(axis.name not in run for run in runs):
            raise BadTable("a run lacks it", where=axis.name, fix="give every setting of the axes")
    places = np.array([[run[a.name] for a in axes] for run in runs], float)
    return PhaseMap(tuple(axes), places, tuple(phases), seed)


def explore(
    axes: Sequence[Axis],
    run: Callable[[list[dict[str, float]]], list[str]],
    *,
    runs: int = 32,
    together: int = 2,
    seed: int = 0,
    say: Callable[[PhaseMap], None] | None = None,
) -> PhaseMap:
    """The map of runs that are made where it is open.

    Args:
        axes: Settings that are varied.
        run: Settings of some runs -> the phase of each.
        runs: Runs in all; the first four per axis are spread evenly.
        together: Runs placed at a time after them.
        seed: Seed of the places.
        say: Called with the map after each round.
    """
    places = first(axes, min(SPREAD * len(axes), runs), seed)
    made: list[dict[str, float]] = []
    phases: list[str] = []
    while True:
        settings = [dict(zip((a.name for a in axes), map(float, p), strict=True)) for p in places]
        phases += run(settings)
        made += settings
        found = phase_map(axes, made, phases, seed)
        if say is not None:
            say(found)
        if len(made) >= runs:
            return found
        places = found.next(min(together, runs - len(made)))


def first(axes: Sequence[Axis], count: int, seed: int = 0) -> Array:
    """Where the first runs go, evenly spread, shape (count, axes)."""
    units = _spread(count, len(axes), seed)
    return np.column_stack([a.value(units[:, i]) for i, a in enumerate(axes)])


def phase_of(memorised: float | None, generalised: float | None) -> str:
    """The phase that a run ended in, from the steps at which it did the one and the other."""
    if generalised is not None:
        late = memorised is not None and generalised >= DELAY * max(memorised, 1.0)
        return "grokking" if late else "comprehension"
    return "confusion" if memorised is None else "memorisation"


def _spread(count: int, dimensions: int, seed: int) -> Array:
    from scipy.stats import qmc

    with np.errstate(all="ignore"):
        sampler = qmc.Sobol(dimensions, rng=np.random.default_rng([seed, 11]))
        return np.asarray(sampler.random_base2(max(1, math.ceil(math.log2(count))))[:count])
