"""Compare methods by their laws: does a gain survive scale, and where do the curves cross.

Exponent, offset or floor; what a method saves, as a multiple of the scale.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli._fitting import table
from forescale.cli._options import Level, Output, Runs, Seed, Source
from forescale.cli._show import show

GROUP = "Decide"
EXAMPLE = "forescale compare digits_mlp --by arch --target n=5k"


def run(
    runs: Runs,
    *,
    by: Annotated[str, Parameter(help="Column that names the method of each run.")],
    target: Annotated[
        str,
        Parameter(
            help="Scale at which to compare: C=1e21 or 1e21; by default the largest that every "
            "method was run at.",
            show_default=False,
        ),
    ] = "",
    law: Annotated[
        str,
        Parameter(
            name="--law",
            help='A law in one scale or in N and D: a name (see "forescale laws") or a formula.',
        ),
    ] = "auto",
    baseline: Annotated[
        str | None,
        Parameter(help="The method to compare with; by default the one with the most runs."),
    ] = None,
    objective: Annotated[str, Parameter(help="huber, student, lsq, lsq-log.")] = "huber",
    pair: Annotated[
        str,
        Parameter(
            metavar="COLUMN",
            help="Which runs are partners: auto (equal scale and seed), none, or the columns "
            "whose equal values tell, joined by commas.",
        ),
    ] = "auto",
    resamples: Annotated[int, Parameter(help="Resamples of each interval and test.")] = 500,
    seed: Seed = 0,
    level: Level = 0.9,
    source: Source = Source(),
    output: Output = Output(),
) -> int:
    """Compare methods by their laws: what differs, how much scale it saves, where they cross."""
    from forescale import api
    from forescale.quantities import parse_number

    name, _, number = target.rpartition("=")
    goal = parse_number(number) if number.strip() else None
    result = api.compare(
        table(runs, source),
        by,
        law=law,
        target={name.strip(): goal} if goal is not None and name.strip() else goal,
        baseline=baseline,
        objective=objective,
        pair=pair,
        resamples=resamples,
        seed=seed,
        level=level,
    )
    return show(result, output, doubts=result.reasons)
