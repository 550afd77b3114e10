"""Try every reasonable analysis: how far the number moves, by whose choice.

The fan over all combinations of choices, the variance split by choice, what turns a decision.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from forescale.cli._fitting import table
from forescale.cli._options import Level, Output, Runs, Seed, Source, _flag, _list
from forescale.cli._show import show

GROUP = "Decide"
EXAMPLE = 'forescale multiverse stdlib_bytes --decide "a > 0.5" --without objective'

_PLACE = "Place of a forecast"


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.split(",") if w.strip())


def run(
    runs: Runs,
    *,
    of: Annotated[
        str | None,
        Parameter(
            help="What to look at: exponent (a in N_opt ~ C^a), a parameter such as alpha, or L "
            "with a place.",
        ),
    ] = None,
    params: Annotated[
        str, Parameter(name=["--N", "--params"], help=f"{_PLACE}: 70B.", show_default=False)
    ] = "",
    tokens: Annotated[
        str, Parameter(name=["--D", "--tokens"], help=f"{_PLACE}: 1.4T.", show_default=False)
    ] = "",
    flops: Annotated[
        str,
        Parameter(
            name=["--C", "--flops"], help=f"{_PLACE}, or of the exponent: 1e24.", show_default=False
        ),
    ] = "",
    decide: Annotated[
        str | None, Parameter(help='What hangs on it: "a > 0.6", or a number to exceed.')
    ] = None,
    vary: Annotated[
        str,
        Parameter(
            name=["--vary", "--by"],
            metavar="COLUMN",
            help="Columns whose values are variants to choose among, joined by commas.",
            show_default=False,
        ),
    ] = "",
    rows: Annotated[
        tuple[str, ...], _list("--rows", "TEST", "A condition that may hold or not. Repeat.")
    ] = (),
    choices: Annotated[
        str,
        Parameter(
            metavar="A,B",
            help="Kinds of choices: checkpoints, counting, estimator, form, objective, outliers, "
            "rows, smallest, vary, weights; all by default.",
            show_default=False,
        ),
    ] = "",
    without: Annotated[
        str, Parameter(metavar="A,B", help="Kinds left out.", show_default=False)
    ] = "",
    default: Annotated[
        tuple[str, ...], _list("--default", "CHOICE=OPTION", "Another default option. Repeat.")
    ] = (),
    hold: Annotated[
        tuple[str, ...], _list("--hold", "CHOICE=OPTION", "No choice, but this option. Repeat.")
    ] = (),
    law: Annotated[
        str, Parameter(name="--law", help="The default law: a name, a formula, or auto.")
    ] = "auto",
    forms: Annotated[
        str,
        Parameter(metavar="A,B", help="Laws to choose among.", show_default=False),
    ] = "",
    objective: Annotated[str, Parameter(help="The default objective.")] = "huber",
    objectives: Annotated[
        str, Parameter(metavar="A,B", help="Objectives to choose among.", show_default=False)
    ] = "",
    weights: Annotated[
        str | None, Parameter(help="Column of row weights, as one more option.")
    ] = None,
    checklist: Annotated[
        bool, _flag("--checklist", "Print what a reader of the default analysis should be told.")
    ] = False,
    workers: Annotated[int, Parameter(help="Processes; the answer does not depend on it.")] = 1,
    seed: Seed = 0,
    level: Level = 0.9,
    source: Source = Source(),
    output: Output = Output(),
) -> int:
    """Try every reasonable analysis: the fan, the variance split by choice, what decides."""
    from dataclasses import replace

    from forescale import api
    from forescale.errors import BadOption
    from forescale.quantities import parse_number

    wanted: dict[str, dict[str, str]] = {"default": {}, "hold": {}}
    for where, words in (("default", default), ("hold", hold)):
        for word in words:
            name, equals, option = (part.strip() for part in word.partition("="))
            if not (name and equals and option):
                raise BadOption(f"'{word}' is not CHOICE=OPTION", where=f"--{where}")
            wanted[where][name] = option
    at = {
        name: parse_number(text)
        for name, text in (("N", params), ("D", tokens), ("C", flops))
        if text.strip()
    }
    # All points of each run are read, so that which of them count can be a choice.
    result = api.multiverse(
        table(runs, replace(source, pick=source.pick or "all")),
        of=of,
        at=at,
        decide=decide,
        vary=_words(vary),
        rows=rows,
        choices=_words(choices),
        without=_words(without),
        default=wanted["default"],
        hold=wanted["hold"],
        law=law,
        forms=_words(forms),
        objective=objective,
        objectives=_words(objectives),
        weights=weights,
        workers=workers,
        seed=seed,
        level=level,
    )
    code = show(result, output, doubts=result.reasons)
    if checklist and not output.json:
        show(result.checklist, Output())
    return code
