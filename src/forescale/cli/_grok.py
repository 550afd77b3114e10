"""The verb `lab grok`: a one-layer transformer that groks, and forecasts made meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from forescale.cli import _output
from forescale.cli._options import Output
from forescale.cli._show import show
from forescale.errors import BadOption

#: What is trained if nothing else is said: it generalises in half a minute, long after it has
#: memorised. The published run is p=113, share=0.3, width=128.
QUICK: Mapping[str, Any] = {"p": 59, "share": 0.5, "width": 64}


def run_grok(
    settings: Mapping[str, float | str],
    *,
    steps: int,
    folder: Path | None,
    device: str,
    output: Output,
) -> int:
    """Train, foretell at every doubling of the steps, and show the whole.

    Args:
        settings: Settings of the run that differ from the quick ones.
        steps: Steps at most.
        folder: Where it leaves what it needs to go on after an interruption.
        device: Where to compute.
        output: The output options.

    Raises:
        BadOption: If a setting is not known or of the wrong kind.
    """
    from forescale.emergence.events import story
    from forescale.emergence.events.levers import levers
    from forescale.lab.grok import progress, reference
    from forescale.lab.grok.run import grok

    setup = _setup(settings)
    known = {"lr": setup.lr, "weight_decay": setup.weight_decay}
    teller = story.Foreteller(known)
    told = 0.0

    def look(curve: Sequence[Mapping[str, float]]) -> None:
        nonlocal told
        row = curve[-1]
        foretold = teller.look(curve)
        if foretold is not None or row["step"] >= 1.5 * told:
            told = row["step"]
            _output.tell(
                f"step {row['step']:.0f}: loss {row['train_loss']:.3g} train, "
                f"{row['test_loss']:.3g} test; right {row['train_accuracy']:.1%} train, "
                f"{row['test_accuracy']:.1%} test"
            )
        if foretold is not None:
            _output.tell(f"  foretold: {foretold!r}")

    try:
        progress.projectors(reference.split(setup))
        measures = True
    except BadOption:
        # A table that is no group has no frequencies; its curve is the losses.
        measures = False
    found = grok(setup, steps=steps, measures=measures, look=look, folder=folder, device=device)
    curve = found.curve
    made = story.GrokStory(
        name=f"{setup.operation} modulo {setup.p}" if setup.operation != "S5" else "S5",
        settings={
            f.name: getattr(setup, f.name)
            for f in fields(setup)
            if f.name in {"share", "width", "lr", "weight_decay", "loss", "rule", "seed"}
        },
        curves=story.columns_of(curve),
        memorised=story.memorised(curve),
        generalised=story.generalised(curve),
        forecasts=story.retold(curve, known),
        seconds=found.seconds,
        levers=levers(),
    )
    return show(made, output)


def run_map(
    words: Sequence[str],
    settings: Mapping[str, float | str],
    *,
    runs: int,
    steps: int,
    folder: Path | None,
    workers: int,
    device: str,
    output: Output,
) -> int:
    """Draw the phases over two settings or more, and show the map.

    Args:
        words: The axes, as "share=0.3:0.9".
        settings: Settings of all runs that differ from the quick ones.
        runs: Runs in all.
        steps: Steps of each at most.
        folder: Where the runs are kept.
        workers: Runs at a time.
        device: Where to compute.
        output: The output options.

    Raises:
        BadOption: If an axis is not of that form.
    """
    from forescale.emergence.events.phases import PhaseMap, explore, phase_of
    from forescale.lab.grok import phases

    axes, base = [_axis(word) for word in words], _setup(settings)
    phases.check([axis.name for axis in axes])
    place = folder or Path("runs") / "grok-phases"

    def run(settings: list[dict[str, float]]) -> list[str]:
        common: dict[str, Any] = {"steps": steps, "workers": workers, "device": device}
        return [phase_of(*end) for end in phases.ends(settings, base, place, **common)]

    def say(found: PhaseMap) -> None:
        _output.tell(f"{len(found.phases)}/{runs} {found!r}")

    together = max(workers, 2)
    found = explore(axes, run, runs=runs, together=together, seed=base.seed, say=say)
    return show(found, output)


def _axis(word: str) -> Any:
    from forescale.emergence.events.phases import Axis
    from forescale.quantities import parse_number

    name, equals, ends = word.partition("=")
    low, colon, high = ends.partition(":")
    if not (name and equals and low and colon and high):
        raise BadOption(f"'{word}' is not NAME=LOW:HIGH", where="--map", fix="as in share=0.3:0.9")
    # Shares are read as they are; rates and decays by their logs.
    return Axis(name, parse_number(low), parse_number(high), log=name != "share")


def _setup(settings: Mapping[str, float | str]) -> Any:
    from forescale.lab.grok.reference import Setup

    kinds = {f.name: type(f.default) for f in fields(Setup)}
    values: dict[str, Any] = dict(QUICK)
    for name, value in settings.items():
        kind = kinds.get(name)
        if kind not in {int, float, str}:
            able = ", ".join(n for n, k in kinds.items() if k in {int, float, str})
            raise BadOption(f"no setting '{name}'", where="--setting", fix=f"one of {able}")
        if kind is str:
            values[name] = str(value)
        elif isinstance(value, str) or (kind is int and not float(value).is_integer()):
            raise BadOption(
                f"{name} is {value!r}", where="--setting", fix=f"give a number, as {name}="
                f"{getattr(Setup, name)}",
            )  # fmt: skip
        else:
            values[name] = kind(value)
    return Setup(**values)
