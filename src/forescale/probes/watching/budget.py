"""How rarely each probe must be read for all of them to cost no more than was allowed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

#: Weight of the newest value in a moving average of wall time.
NEWEST = 0.3
#: Readings that are made whatever they cost: the first pays for imports and warm-up as well, the
#: second tells the cost.
FREE = 2


@dataclass
class Account:
    """What one probe has cost.

    Args:
        readings: How many there were.
        cost: Moving average of the wall seconds of one.
        spent: Wall seconds of all.
        free: Wall seconds of those that no budget counts.
        last: Step of the last.
    """

    readings: int = 0
    cost: float = math.nan
    spent: float = 0.0
    free: float = 0.0
    last: int = -1


class Budget:
    """Costs of probes against the time of a step.

    Args:
        share: Largest share of the run's wall time, not counting the watch's own; infinite for
            every reading the schedule asks for.
        names: The probes.
    """

    def __init__(self, share: float, names: tuple[str, ...]) -> None:
        self.share = share
        self.accounts = {name: Account() for name in names}
        self.recent = math.nan
        self.steps = 0
        self.run_seconds = 0.0
        # Wall seconds of the hooks, of the log and of deciding what to read: where steps are short
        # and looks are many, as dear as the readings.
        self.looking = 0.0

    @property
    def step_seconds(self) -> float:
        """Wall seconds of a step, rather too few than too many; NaN before one.

        What was slow for once (a compilation, a checkpoint) must not let readings crowd after it:
        by the recent mean alone, one step in twenty that takes ten times as long spent 2.3 times
        the budget.
        """
        return min(self.recent, self.run_seconds / self.steps) if self.steps else math.nan

    @property
    def spent(self) -> float:
        """Wall seconds of the watch over those of the run without it; NaN before a step."""
        total = self.looking + sum(a.spent for a in self.accounts.values())
        return total / self.run_seconds if self.run_seconds > 0 else math.nan

    def passed(self, steps: int, seconds: float) -> None:
        """Steps of the run went by, in so many wall seconds without readings."""
        self.run_seconds += seconds
        if steps > 0:
            self.steps += steps
            self.recent = _moved(self.recent, seconds / steps)

    def paid(self, name: str, step: int, seconds: float) -> None:
        """A probe was read at a step, in so many wall seconds."""
        account = self.accounts[name]
        account.readings += 1
        account.spent += seconds
        account.last = step
        if account.readings <= FREE:
            account.free += seconds
            account.cost = seconds
        else:
            account.cost = _moved(account.cost, seconds)

    def affords(self, name: str, step: int, gap: int) -> bool:
        """Whether a probe may be read now.

        Args:
            name: The probe.
            step: Now.
            gap: Steps since the schedule asked last.
        """
        account = self.accounts[name]
        if account.readings < FREE:
            return True
        period = self.periods(gap)[name]
        if not period:
            return True
        counted = self.looking + sum(a.spent - a.free for a in self.accounts.values())
        # Periods rest on guesses, which may err to one side for long; what is spent is known.
        within = counted + account.cost <= self.share * self.run_seconds
        return within and step - account.last >= period

    def periods(self, gap: int) -> dict[str, float]:
        """Fewest steps from one reading of each probe to the next; 0 where nothing is stretched.

        The shares are equal, and who needs less leaves the rest to the others: a dear probe does
        not make a cheap one rare.

        Args:
            gap: Steps from one look of the schedule to the next.
        """
        costs = {n: a.cost for n, a in self.accounts.items() if a.readings >= FREE}
        periods = dict.fromkeys(self.accounts, 0.0)
        step_seconds = self.step_seconds
        if not step_seconds > 0:
            return periods
        left = self.share
        while costs:
            share = left / len(costs)
            wants = {n: c / (step_seconds * max(gap, 1)) for n, c in costs.items()}
            content = [n for n in costs if wants[n] <= share]
            if not content:
                return periods | {n: c / (step_seconds * share) for n, c in costs.items()}
            for name in content:
                left -= wants[name]
                del costs[name]
        return periods

    def to_dict(self) -> dict[str, Any]:
        """All that was learnt, as plain values."""
        return {
            "recent": self.recent,
            "steps": self.steps,
            "run_seconds": self.run_seconds,
            "looking": self.looking,
            "accounts": {n: asdict(a) for n, a in self.accounts.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `to_dict` gave; a probe that is new begins anew."""
        self.recent, self.steps = state["recent"], state["steps"]
        self.run_seconds, self.looking = state["run_seconds"], state["looking"]
        known = {n: Account(**a) for n, a in state["accounts"].items() if n in self.accounts}
        self.accounts |= known


def _moved(mean: float, new: float) -> float:
    return new if math.isnan(mean) else (1 - NEWEST) * mean + NEWEST * new
