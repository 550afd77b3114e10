"""What a verb saw of held-out runs, counted; said when the user should know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forescale.cli._output import tell

if TYPE_CHECKING:
    from forescale.fit import Fit
    from forescale.forecast import Backtest


def count(verb: str, fit: Fit, test: Backtest | None = None, *, along: str | None = None) -> None:
    """Put a look into the ledger. A ledger that cannot be kept stops nobody.

    Args:
        verb: The verb.
        fit: The fit behind what was shown.
        test: The backtest that was shown.
        along: As the user gave it.
    """
    from forescale.forecast import ledger

    try:
        looks = ledger.look(fit, test, along=along, verb=verb)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        tell(f"looks at held-out runs are not counted: {why}; {ledger.VARIABLE}=off stops trying")
        return
    if looks is not None and looks.worth_saying:
        tell(looks.text())
