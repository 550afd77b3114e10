"""Spend a budget: the compute-optimal size and data, with intervals.

From a FLOP budget, a number of tokens, or a model size.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli._fitting import Fitting, OwnLevel, fitted
from forescale.cli._looks import count
from forescale.cli._options import Output, Runs, Source, share
from forescale.cli._places import Group
from forescale.cli._show import show

GROUP = "Decide"
EXAMPLE = "forescale plan stdlib_bytes --law chinchilla --flops 1e16"


def run(
    runs: Runs,
    *,
    flops: Annotated[
        str, Parameter(name=["--flops", "--C"], help="Budget: 1e24.", show_default=False)
    ] = "",
    tokens: Annotated[
        str, Parameter(name=["--tokens", "--D"], help="Tokens: 2T.", show_default=False)
    ] = "",
    params: Annotated[
        str, Parameter(name=["--params", "--N"], help="Size: 7B.", show_default=False)
    ] = "",
    within: Annotated[str, Parameter(help="What counts as a tie in loss: 0.5%.")] = "0.5%",
    group: Group = None,
    how: Fitting = Fitting(),
    source: Source = Source(),
    output: Output = Output(),
    level: OwnLevel = None,
) -> int:
    """Spend a budget: compute-optimal N and D, the flat range, and the loss to expect."""
    from forescale.plan import candidates, plan
    from forescale.quantities import parse_number

    asked = {
        name: parse_number(text)
        for name, text in (("flops", flops), ("tokens", tokens), ("params", params))
        if text.strip()
    }
    fit = fitted(runs, source, how, level=level, among=candidates)
    result = plan(
        fit,
        flops=asked.get("flops"),
        tokens=asked.get("tokens"),
        params=asked.get("params"),
        within=share(within),
        group=group,
        level=level,
    )
    count("plan", result.fit, result.forecast.backtest)
    return show(result, output, doubts=result.forecast.verdict.reasons)
