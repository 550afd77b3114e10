"""Hold out the largest runs, forecast them, and see how it went.

Several cut-offs, beside the naive forecasts anyone can make without a law.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli._fitting import Fitting, OwnLevel, fitted
from forescale.cli._looks import count
from forescale.cli._options import Output, Runs, Source
from forescale.cli._show import show

GROUP = "Forecast"
EXAMPLE = "forescale backtest stdlib_bytes --law chinchilla"


def run(
    runs: Runs,
    *,
    along: Annotated[
        str | None,
        Parameter(help="Column by which the largest are held out, such as N; compute if not told."),
    ] = None,
    how: Fitting = Fitting(),
    source: Source = Source(),
    output: Output = Output(),
    level: OwnLevel = None,
) -> int:
    """Hold out the largest runs, forecast them from the others, and score it."""
    from forescale.forecast import WIDEST
    from forescale.forecast.backtest import of_fit

    fit = fitted(runs, source, how, level=level)
    result = of_fit(fit, level=fit.level if level is None else level, along=along)
    count("backtest", fit, result, along=along)
    doubts = [] if result.cuts else list(result.skipped)
    if result.error_pct > result.line_pct:
        doubts.append("a straight line on log-log forecast the held-out runs better")
    elif result.error_pct > 100 * WIDEST:
        doubts.append(f"the held-out runs were missed by {result.error_pct:.2g} % on average")
    return show(result, output, with_=(fit,), doubts=doubts)
