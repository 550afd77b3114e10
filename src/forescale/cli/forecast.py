"""Forecast runs that nobody has made, with intervals and a verdict.

Takes a run table, or a fit kept with `forescale fit -o`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from forescale.cli._fitting import Fitting, OwnLevel, fitted
from forescale.cli._looks import count
from forescale.cli._options import Output, Runs, Source, _list
from forescale.cli._output import tell
from forescale.cli._show import show
from forescale.errors import BadOption

if TYPE_CHECKING:
    from forescale.forecast import Forecast
    from forescale.runs import RunTable

GROUP = "Forecast"
EXAMPLE = "forescale forecast stdlib_bytes --N 10M --D 100M"


def run(
    runs: Runs,
    *,
    N: Annotated[
        str,
        Parameter(
            name=["--N", "--params"], help="Parameters: 7B, or 1B,7B,70B.", show_default=False
        ),
    ] = "",
    D: Annotated[
        str, Parameter(name=["--D", "--tokens"], help="Training tokens: 2T.", show_default=False)
    ] = "",
    C: Annotated[
        str, Parameter(name=["--C", "--flops"], help="Training FLOPs: 1e24.", show_default=False)
    ] = "",
    at: Annotated[
        tuple[str, ...],
        _list("--at", "NAME=VALUE", "Any other input of the law: examples=1000. Repeat."),
    ] = (),
    group: Annotated[str | None, Parameter(help="Whose parameters, for a fit --by.")] = None,
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
        from forescale.plan import plan

        plans = [plan(fit, flops=float(c), group=group, test=False) for c in places["C"]]
        places = {k: [p.optimum[k].value for p in plans] for k in ("N", "D")}
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


def inputs(*, N: str, D: str, C: str, at: tuple[str, ...]) -> dict[str, list[float]]:
    """Places from the words of the options.

    Raises:
        BadOption: If a word is no number, or no place was given.
    """
    from forescale.quantities import parse_number, recognise

    words = {"N": N, "D": D, "C": C}
    for word in at:
        name, equals, value = word.partition("=")
        if not equals:
            raise BadOption(f"'{word}' is not NAME=VALUE", where="--at")
        words[recognise(name.strip()) or name.strip()] = value
    found = {
        name: [parse_number(part) for part in text.split(",") if part.strip()]
        for name, text in words.items()
        if text.strip()
    }
    if not found:
        raise BadOption("no place to forecast was given", fix="as in --N 7B --D 2T or --C 1e24")
    return found
