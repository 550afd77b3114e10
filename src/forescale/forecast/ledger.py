"""The ledger of looks: how often the largest runs of a table were held out and looked at.

One file per table in the user's data folder, one line per look at a question not asked before.
`FORESCALE_LEDGER` names another folder, or is `off`. Only the command line keeps it: a Python
program that loops over analyses knows best what its looks are.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from forescale import files
from forescale.fit import Fit
from forescale.forecast._question import analysis, digest
from forescale.forecast.backtest import Backtest
from forescale.forecast.holdout import budget, optimism

VARIABLE = "FORESCALE_LEDGER"


@dataclass(frozen=True)
class Looks:
    """How worn the largest runs of a table are.

    Args:
        source: The table.
        count: Different questions asked so far, this one included.
        held_out: The most runs that were held out at once.
        new: Whether this question was not asked before.
    """

    source: str
    count: int
    held_out: int
    new: bool

    @property
    def worn(self) -> bool:
        """Whether more was asked than so many runs can answer."""
        return self.count > budget(self.held_out)

    @property
    def worth_saying(self) -> bool:
        """Whether there is news: a first look, or one made before, is none."""
        return self.worn or (self.new and self.count > 1)

    def text(self) -> str:
        """One line."""
        n = self.held_out
        runs = f"the {n} largest runs" if n > 1 else "the largest run"
        head = f"look {self.count} at {runs} of {self.source}"
        if self.worn:
            return (
                f"{head}: the hold-out is worn out after {budget(n)}; its error now says how well "
                "the analysis was chosen, so bet only on runs made from here on "
                f"({VARIABLE}=off stops the count)"
            )
        flattered = optimism(self.count - 1, n)
        return (
            f"{head}: choosing between analyses by it can flatter its error by up to "
            f"{100 * flattered:.0f} % of a run's spread; worn out after {budget(n)}"
        )


def folder() -> Path | None:
    """Where the ledger lies; None where it is switched off."""
    told = os.environ.get(VARIABLE, "").strip()
    if told.lower() in {"off", "0", "no"}:
        return None
    if told:
        return Path(told)
    from platformdirs import user_data_path

    return user_data_path("forescale", appauthor=False) / "ledger"


def look(
    fit: Fit, test: Backtest | None = None, *, along: str | None = None, verb: str = ""
) -> Looks | None:
    """A look at the held-out runs of a fit's table put into the ledger.

    Args:
        fit: The fit behind the look.
        test: The backtest that was seen; without one, what the choice of the law saw.
        along: Column by which the largest were held out, if told.
        verb: What was done.

    Returns:
        How worn the hold-out is; None if nothing was held out, the table has no hash, or the
        ledger is off.

    Raises:
        OSError: If the ledger cannot be read or written.
    """
    place = folder()
    held = max((c.held_out for c in test.cuts), default=0) if test is not None else 0
    if fit.choice is not None:
        held = max(held, fit.choice.get("held_out", 0))
    if place is None or not held or not fit.runs.origin:
        return None
    question = digest({**analysis(fit), "along": along})
    entry = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "question": question,
        "held_out": held,
        "law": "auto" if fit.choice is not None else fit.law.formula,
        "verb": verb,
        "source": fit.runs.source,
    }
    seen: dict[str, int] = {}

    def line(text: str) -> str:
        seen.update(_asked(text))
        return "" if question in seen else json.dumps(entry, ensure_ascii=False) + "\n"

    place.mkdir(parents=True, exist_ok=True)
    files.append(place / f"{fit.runs.origin[:32]}.jsonl", line)
    new = question not in seen
    return Looks(fit.runs.source, len(seen) + new, max([held, *seen.values()]), new)


def _asked(text: str) -> dict[str, int]:
    """Questions of a ledger, and how many runs each held out; damaged lines are passed over."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        try:
            entry = json.loads(line)
            found[str(entry["question"])] = int(entry["held_out"])
        except (ValueError, KeyError, TypeError):
            continue
    return found
