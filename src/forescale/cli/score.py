"""Score forecasts on record against what came true.

Reads the file that `forescale forecast --register` wrote, and checks its chain of hashes first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from cyclopts import Parameter

from forescale.cli import _output
from forescale.cli._fitting import table
from forescale.cli._options import Output, Source, _flag, _list, share
from forescale.cli._show import show
from forescale.errors import BadOption

GROUP = "Forecast"
EXAMPLE = "forescale forecast stdlib_bytes --C 1e16 --register . && forescale score ."


def run(
    records: Annotated[str, Parameter(help="File of records, or the folder it lies in.")],
    runs: Annotated[
        str, Parameter(help="Run table that holds the truth.", show_default=False)
    ] = "",
    *,
    truth: Annotated[
        tuple[str, ...],
        _list("--truth", "ID=VALUE", "What a run measured in the end: 1a2b3c4d=2.234. Repeat."),
    ] = (),
    within: Annotated[
        str, Parameter(help="By how much an input in the table may differ from the forecast's.")
    ] = "1%",
    settle: Annotated[
        bool, _flag("--settle", "Put the truths on record too, so that they stay scored.")
    ] = False,
    source: Source = Source(),
    output: Output = Output(),
) -> int:
    """Score forecasts on record: errors, coverage of the intervals, and the straight line's error.

    The truth comes by --truth, from a run table in which the forecast runs are found by their
    inputs, or was put on record before (--settle). Forecasts without a truth stay open.
    """
    from forescale.forecast import records as register
    from forescale.forecast.scorecard import score

    kept = register.read(records)
    measured = table(runs, source) if runs else None
    result = score(kept, _values(truth), measured, within=share(within))
    if settle and result.truths:
        register.settle(records, result.truths)
        result = replace(result, head=register.read(records).head)
        n = len(result.truths)
        _output.tell(f"put {n} truth{'s' if n > 1 else ''} on record in {kept.source}")
    return show(result, output, doubts=result.doubts)


def _values(words: tuple[str, ...]) -> dict[str, float]:
    from forescale.quantities import parse_number

    found: dict[str, float] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name.strip()):
            raise BadOption(f"'{word}' is not ID=VALUE", where="--truth")
        found[name.strip()] = parse_number(value)
    return found
