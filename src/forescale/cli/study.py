"""Put published claims to the test: list them, show one, run it again.

Every verdict is computed when it is asked for.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli import _output
from forescale.errors import BadOption

GROUP = "Look up"
EXAMPLE = "forescale study show nmt_encoder_decoder"

_PLAIN = Parameter(negative=(), show_default=False)


def run(
    action: Annotated[str, Parameter(show_default=False)] = "list",
    name: Annotated[str, Parameter(show_default=False)] = "",
    *,
    rerun: Annotated[bool, _PLAIN] = False,
    seed: int = 0,
    workers: int = 1,
    json: Annotated[bool, _PLAIN] = False,
) -> None:
    """Put published claims to the test: holds, fails or undecided, with the numbers.

    Args:
        action: list (all claims, each checked now), show NAME or run NAME.
        name: A study, for show and run.
        rerun: The full run instead of the quick check: minutes, some train networks.
        seed: Same seed, same answer.
        workers: Processes for list; the verdicts do not depend on it.
        json: Print JSON in place of text.
    """
    from forescale import studies

    if action == "list" and not name:
        found = studies.run_all(rerun=rerun, seed=seed, workers=workers, progress=_output.tell)
        rows = [{"study": v.name, "verdict": v.verdict, "claim": v.claim} for v in found]
        _output.emit([v.to_dict() for v in found], text=_output.table(rows), json=json)
    elif action in ("show", "run") and name:
        one = studies.run(name, rerun=rerun, seed=seed, progress=_output.tell)
        _output.emit(one, json=json)
    else:
        raise BadOption(
            f"'study {action} {name}'".replace(" '", "'"),
            fix="write study list, study show NAME or study run NAME",
        )
