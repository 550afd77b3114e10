"""Test published claims: list the verdicts, show a study, run one.

Nothing is recorded: every verdict is computed when it is asked for.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from forescale.cli import _output
from forescale.cli._options import Output, Seed
from forescale.cli._show import show
from forescale.errors import BadOption

GROUP = "Look up"
EXAMPLE = "forescale study run nmt_encoder_decoder"


def _flag(name: str, help: str) -> Parameter:
    return Parameter(name=name, help=help, negative=(), show_default=False)


def run(
    what: Annotated[
        Literal["list", "show", "run"],
        Parameter(help="list: all verdicts. show: what a study tests. run: one verdict in full."),
    ] = "list",
    name: Annotated[str, Parameter(help="A study, for show and run.")] = "",
    *,
    rerun: Annotated[
        bool, _flag("--rerun", "The full run, minutes, in place of the quick check.")
    ] = False,
    falsified: Annotated[
        bool, _flag("--falsified", "The control: a world in which the claim is false.")
    ] = False,
    workers: Annotated[int, Parameter(name="--workers", help="Processes for list.")] = 1,
    seed: Seed = 0,
    output: Output = Output(),
) -> int:
    """Test published claims on recorded tables and simulations, and give the verdicts."""
    from forescale import studies

    if what == "list":
        if name:
            raise BadOption(
                f"'list' takes no name, given was '{name}'", fix=f"forescale study run {name}"
            )
        found = studies.run_all(
            rerun=rerun, seed=seed, falsified=falsified, workers=workers, progress=_output.tell
        )
        rows = [{"study": v.name, "verdict": v.verdict, "why": v.why} for v in found]
        _output.emit(
            [v.to_dict() for v in found],
            text=_output.table(rows),
            json=output.json,
            out=output.out,
        )
        doubts = [f"{v.name} {v.verdict}" for v in found if v.verdict != "holds"]
        return _output.exit_code(doubts, strict=output.strict)
    if not name:
        raise BadOption(f"'{what}' needs a study", fix=f"one of {', '.join(studies.names())}")
    if what == "show":
        study = studies.get(name)
        _output.emit(study, json=output.json, out=output.out)
        return 0
    verdict = studies.run(name, rerun, seed, falsified=falsified, progress=_output.tell)
    doubts = [] if verdict.verdict == "holds" else [f"{name} {verdict.verdict}"]
    return show(verdict, output, doubts=doubts)
