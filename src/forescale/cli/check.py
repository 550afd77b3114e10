"""Would these intervals hold? The same analysis on simulated tables whose truth is known.

Coverage, bias and width in worlds around the user's own fit, and what a narrower forecast takes.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli._fitting import Fitting, OwnLevel, fitted
from forescale.cli._options import Output, Runs, Source, share
from forescale.cli._output import progress, tell
from forescale.cli._places import At, Flops, Group, Params, Tokens, inputs
from forescale.cli._show import show

GROUP = "Forecast"
EXAMPLE = "forescale check stdlib_bytes --law chinchilla --tables 10"


def run(
    runs: Runs,
    *,
    N: Params = "",
    D: Tokens = "",
    C: Flops = "",
    at: At = (),
    tables: Annotated[
        int | None,
        Parameter(
            help="Tables simulated per world; 40, or 20 where the law is chosen anew in each.",
            show_default=False,
        ),
    ] = None,
    width: Annotated[
        str,
        Parameter(
            help="Width wanted of what runs there measure on average: 2%; half of the present "
            "by default.",
            show_default=False,
        ),
    ] = "",
    group: Group = None,
    how: Fitting = Fitting(),
    source: Source = Source(),
    output: Output = Output(),
    level: OwnLevel = None,
) -> int:
    """Would these intervals hold? The same analysis on simulated tables whose truth is known.

    Without a place, ten times beyond the largest run. Stopped by Ctrl-C, it tells what was done.
    """
    from forescale import api
    from forescale.forecast.check import TABLES, TABLES_CHOSEN

    wanted = share(width) if width.strip() else None
    places = inputs(N=N, D=D, C=C, at=at) if N or D or C or at else None
    fit = fitted(runs, source, how, level=level)
    if fit.choice is not None:
        tell("the law is chosen anew in every table, which takes minutes; --law NAME takes seconds")
    total = tables or (TABLES if fit.choice is None else TABLES_CHOSEN)
    with progress("simulated tables", total) as tick:
        result = api.check(
            fit,
            at=places,
            tables=tables,
            width=wanted,
            group=group,
            level=level,
            workers=how.workers,
            tick=tick,
        )
    if result.stopped:
        tell(f"stopped after {result.tables} of {total} tables per world")
    return show(result, output, with_=(fit,), doubts=result.doubts)
