"""What awaits a run that is under way: whether it will generalise, and when.

Reads the run's log again and again until it is stopped, or once. Forecasts rest on runs of ours
whose end is known, and say how well such forecasts did on tasks that were left out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from forescale.cli import _output
from forescale.cli._options import Output, Runs, Source, _flag
from forescale.cli._show import show
from forescale.errors import BadOption

if TYPE_CHECKING:
    from forescale.emergence.events.outlook import Outlooks

GROUP = "Train and watch"
EXAMPLE = "forescale watch grok_runs_curves --once --until 200 --where 'run < 3'"


def run(
    runs: Runs,
    *,
    once: Annotated[bool, _flag("--once", "Read the log once, and end.")] = False,
    every: Annotated[str, Parameter(help="Time between two looks at the log.")] = "30s",
    until: Annotated[
        float | None,
        Parameter(help="Read up to this step only, as if it were the last.", show_default=False),
    ] = None,
    source: Source = Source(),
    output: Output = Output(),
) -> int:
    """Say of each run in a log where it stands, and whether and when it will generalise."""
    from forescale.quantities import parse_duration

    pause = parse_duration(every)
    if once or until is not None:
        return _told(_read(runs, source, until), output)
    if output.json or output.out is not None or output.report is not None:
        raise BadOption("a watch without end has no result to keep", fix="add --once")
    before: dict[str, float] = {}
    while True:
        found = _read(runs, source, None)
        for o in found.runs:
            if before.get(o.run) != o.step:
                before[o.run] = o.step
                _output.emit(None, text=o.summary())
        if all(o.generalised is not None for o in found.runs):
            return 0
        time.sleep(pause)


def _read(runs: str, source: Source, until: float | None) -> Outlooks:
    from forescale import api
    from forescale.emergence.events.outlook import outlooks

    table = api.read(runs, **{**source.options(), "pick": "all"})
    return outlooks(table, until=until)


def _told(found: Outlooks, output: Output) -> int:
    return show(found, output, doubts=found.doubts)
