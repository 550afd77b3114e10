"""Forecast runs that nobody has made, with intervals and a verdict.

Takes a run table, or a fit kept with `forescale fit -o`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from forescale.cli._fitting import Fitting, OwnLevel, fitted
from forescale.cli._looks import count
from forescale.cli._options import Output, Runs, Source
from forescale.cli._output import tell
from forescale.cli._places import At, Flops, Group, Params, Tokens, inputs
from forescale.cli._show import show

if TYPE_CHECKING:
    from forescale.forecast import Forecast
    from forescale.runs import RunTable

GROUP = "Forecast"
EXAMPLE = "forescale forecast stdlib_bytes --N 10M --D 100M"


def run(
    runs: Runs,
    *,
    N: Params = "",
    D: Tokens = "",
    C: Flops = "",
    at: At = (),
    group: Group = None,
    how: Fitting = Fitting(),
    source: Source = Source(),
    output: Output = Output(),
    level: OwnLevel = None,
    register: Annotated[
        Path | None,
        Parameter(
            name="--register",
            help="Put the forecast on record, dated and hashed, in this file or folder; "
            '"forescale score" holds it against the truth later.',
        ),
    ] = None,
) -> int:
    """Forecast runs that nobody has made: median, interval, backtest and verdict.

    Of N, D and C any two give the third (C = 6ND). C alone means the compute-optimal N and D.
    """
    from forescale.forecast import forecast

    places = inputs(N=N, D=D, C=C, at=at)
    compute = set(places) == {"C"}
    fit = fitted(runs, source, how, level=level, among=_of_compute if compute else None)
    if compute and set(fit.law.inputs) == {"N", "D"}:
        from forescale.plan import optimal_places

        places = optimal_places(fit, places["C"], group=group)
    result = forecast(fit, places, level=level, group=group)
    count("forecast", result.fit, result.backtest)
    if register is not None:
        _register(result, register)
    return show(result, output, doubts=result.verdict.reasons)


def _register(result: Forecast, path: Path) -> None:
    from forescale.forecast.records import place_of, register

    record, new = register(result, path)
    if new:
        names = ", ".join(record.name(k) for k in range(len(record.places)))
        tell(f"registered {names} in {place_of(path)}; to prove the date, publish {record.hash}")
    else:
        tell(f"this question is on record already: {record.id} of {record.date}")


def _of_compute(runs: RunTable) -> tuple[str, ...]:
    """Laws that can forecast from compute alone: through the optimum where N and D are told."""
    from forescale.errors import BadTable
    from forescale.forecast import candidates
    from forescale.plan import candidates as with_optimum

    try:
        return with_optimum(runs)
    except BadTable:
        return candidates(runs)
