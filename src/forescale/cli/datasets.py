"""List the run tables that come with forescale.

Their names stand wherever a verb takes runs.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli import _about, _output

GROUP = "Look up"
EXAMPLE = "forescale datasets"


def run(
    *,
    json: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> None:
    """List the run tables that come with forescale; their names stand where a verb takes runs.

    Args:
        json: Print JSON in place of text.
    """
    found = _about.verbs("forescale.datasets").values()
    rows = [{"name": one.module.rpartition(".")[2], "what": one.summary} for one in found]
    _output.emit(rows, text=_output.table(rows) if rows else "none yet", json=json)
