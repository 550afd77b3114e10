"""A run that was watched for generalisation: its curves, what was foretold, and what happened."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.emergence.events import _signs
from forescale.emergence.events._told import FIRST
from forescale.emergence.events.grokking import GENERALISED, GrokForecast, forecast_grokking
from forescale.emergence.events.levers import Levers
from forescale.quantities import format_number
from forescale.summarised import Summarised

Array = NDArray[np.float64]

#: Factor of steps between forecasts, and the first of them.
APART, EARLIEST = 2.0, 50.0


@dataclass(frozen=True)
class GrokStory(Summarised):
    """A run and the forecasts that were made while it ran.

    Args:
        name: What it learnt.
        settings: How.
        curves: "step" and every other column, each of shape (n,); losses in nats.
        memorised: First step with 99 % of the training examples right; None if there was none.
        generalised: First step with 90 % of the test examples right; None if there was none.
        forecasts: Made at growing steps before it generalised, each from what was there by then.
        seconds: CPU seconds of the training.
        levers: What would bring it sooner.
    """

    name: str
    settings: Mapping[str, Any]
    curves: Mapping[str, Array] = field(repr=False)
    memorised: float | None
    generalised: float | None
    forecasts: tuple[GrokForecast, ...] = field(repr=False)
    seconds: float
    levers: Levers | None = field(default=None, repr=False)

    @property
    def halved(self) -> tuple[float, float] | None:
        """Step at which the restricted loss is half of what it was at memorisation, for good.

        And the test accuracy there: the algorithm forms before it is heard. None where the loss
        was not measured, or has not halved.
        """
        if self.memorised is None or "restricted_loss" not in self.curves:
            return None
        step, loss = self.curves["step"], self.curves["restricted_loss"]
        after = np.isfinite(loss) & (step >= self.memorised)
        if not after.any():
            return None
        below = loss[after] < loss[after][0] / 2
        if not below[-1]:
            return None
        at = step[after][len(below) - int(np.argmin(below[::-1])) if not below.all() else 0]
        return float(at), float(self.curves["test_accuracy"][step == at][0])

    @property
    def verdict(self) -> str:
        """What became of it, one line."""
        if self.generalised is None:
            left = f"not generalised by step {format_number(self.curves['step'][-1])}"
            return left if self.memorised is None else (
                f"memorised at {format_number(self.memorised)}, {left}"
            )  # fmt: skip
        if self.memorised is None or self.memorised >= self.generalised:
            return f"generalised at {format_number(self.generalised)}, without memorising first"
        times = self.generalised / self.memorised
        return (
            f"memorised at {format_number(self.memorised)}, generalised at "
            f"{format_number(self.generalised)}: {times:.1f} times later"
        )

    def kept(self, forecast: GrokForecast) -> bool | None:
        """Whether the run generalised inside the interval of a forecast; None if not over."""
        if self.generalised is None:
            over = self.curves["step"][-1] > forecast.hi
            return False if over else None
        return forecast.lo <= self.generalised <= forecast.hi

    def __repr__(self) -> str:
        return f"GrokStory({self.name}: {self.verdict})"

    def summary(self) -> str:
        """What happened, when the algorithm formed, and every forecast with what became of it."""
        lines = [f"{self.name}: {self.verdict}; {self.seconds:.3g} CPU s"]
        if (formed := self.halved) is not None:
            lines.append(
                f"  the key frequencies alone lose half of what they lost at memorisation from "
                f"step {format_number(formed[0])} on, at test accuracy {formed[1]:.0%}"
            )
        words = {True: "inside", False: "OUTSIDE", None: "open"}
        for f in self.forecasts:
            lines.append(
                f"  foretold at {format_number(f.until)}: {f.chance:.0%} by "
                f"{format_number(f.by)}, {f.when}: {words[self.kept(f)]}"
                + ("" if not f.doubts else f" [not trusted: {f.doubts[0]}]")
            )
        if self.forecasts:
            lines.append(f"  {self.forecasts[-1].held_out}")
        if self.levers is not None:
            lines.append(self.levers.summary())
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; what is no number is null."""
        plain = {
            n: [float(v) if math.isfinite(v) else None for v in values]
            for n, values in self.curves.items()
        }
        return {
            "schema": 1,
            "kind": "grok_story",
            "name": self.name,
            "settings": dict(self.settings),
            "memorised": self.memorised,
            "generalised": self.generalised,
            "halved": None if self.halved is None else list(self.halved),
            "forecasts": [{**f.to_dict(), "inside": self.kept(f)} for f in self.forecasts],
            "seconds": self.seconds,
            "levers": None if self.levers is None else self.levers.to_dict(),
            "curves": plain,
        }


class Foreteller:
    """Forecasts of a run under way: one whenever its steps have doubled.

    Args:
        settings: "lr" and "weight_decay" of the run, where they are known.
    """

    def __init__(self, settings: Mapping[str, float]) -> None:
        self.settings = {n: v for n, v in settings.items() if n in _signs.SETTINGS}
        self.made: list[GrokForecast] = []
        self._next = EARLIEST

    def look(self, rows: Sequence[Mapping[str, float]]) -> GrokForecast | None:
        """A forecast, where one is due at the last row; None once the run has generalised.

        Args:
            rows: The curve so far, "step", losses and accuracies in every row, and "squares", the
                sum of the squared weights, where it is known.
        """
        now = rows[-1]["step"]
        if now < max(self._next, FIRST) or generalised(rows) is not None:
            return None
        self._next = now * APART
        columns = columns_of(r for r in rows if r["step"] >= 1)
        read = {n: v for n, v in columns.items() if n in _signs.SCALES}
        if "squares" in columns:
            read["weight_norm"] = np.sqrt(columns["squares"])
        made = forecast_grokking(columns["step"], read, settings=self.settings)
        self.made.append(made)
        return made


def retold(
    rows: Sequence[Mapping[str, float]], settings: Mapping[str, float]
) -> tuple[GrokForecast, ...]:
    """The forecasts that were due while the rows came in, each from those up to its step."""
    teller = Foreteller(settings)
    for i in range(1, len(rows) + 1):
        teller.look(rows[:i])
    return tuple(teller.made)


def generalised(rows: Iterable[Mapping[str, float]]) -> float | None:
    """First step with a test accuracy that counts as having generalised."""
    return next((r["step"] for r in rows if r["test_accuracy"] >= GENERALISED), None)


def memorised(rows: Iterable[Mapping[str, float]]) -> float | None:
    """First step with a train accuracy that counts as having memorised."""
    return next((r["step"] for r in rows if r["train_accuracy"] >= _signs.MEMORISED), None)


def columns_of(rows: Iterable[Mapping[str, float]]) -> dict[str, Array]:
    """Rows as columns, those of the first row; NaN where a row lacks one."""
    listed = list(rows)
    return {n: np.array([r.get(n, math.nan) for r in listed], float) for n in listed[0]}
