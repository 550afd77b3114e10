"""What the fit minimises: squares or robust losses, of logs or of the losses themselves.

Source: Li et al. 2025, "(Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep
Learning".
"""

from __future__ import annotations

from dataclasses import replace

from forescale.fit.objective import objective
from forescale.multiverse._analysis import Analysis, Ask, Axis, Change, Choice, Option

#: In common use; the default of the analysis comes first.
USUAL = ("huber", "hoffmann", "lsq-log", "student", "lsq")


def axes(at: Analysis, ask: Ask) -> tuple[Axis, ...]:
    """The default objective, and those named or in common use."""
    first = str(objective(at.objective).name)
    names = [first, *(n for n in ask.objectives or USUAL if n != first)]
    for name in names[1:]:
        objective(name)
    options = [Option(first, lambda analysis: analysis)]
    options += [Option(n, _with(n)) for n in names[1:]]
    return (Axis("objective", "what the fit minimises", tuple(options)),)


def _with(name: str) -> Change:
    return lambda analysis: replace(analysis, objective=name)


CHOICE = Choice(
    name="objective",
    what="what the fit minimises: " + ", ".join(USUAL),
    source="Li et al. 2025, (Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep "
    "Learning",
    turn=90,
    axes=axes,
)
