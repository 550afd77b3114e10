"""Fit a scaling law to a table of runs.

The law's numbers with intervals, and every doubt about them.
"""

from __future__ import annotations

from forescale.cli._fitting import Fitting, fitted
from forescale.cli._looks import count
from forescale.cli._options import Level, Output, Runs, Source
from forescale.cli._show import show

GROUP = "Forecast"
EXAMPLE = "forescale fit stdlib_bytes --law chinchilla -o fit.json"


def run(
    runs: Runs,
    *,
    how: Fitting = Fitting(),
    source: Source = Source(),
    output: Output = Output(),
    level: Level = 0.9,
) -> int:
    """Fit a scaling law to a table of runs: its numbers with intervals and doubts."""
    result = fitted(runs, source, how, level=level)
    count("fit", result)
    doubts = [f.message for f in result.flags if f.severity == "fail"]
    return show(result, output, doubts=doubts)
