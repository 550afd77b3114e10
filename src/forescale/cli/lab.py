"""Train the small runs: a ladder designed for a time budget, or any grid.

Kill it at any time: the same command goes on where it stopped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from forescale.cli import _output
from forescale.cli._options import Output, _flag, _list
from forescale.cli._show import show
from forescale.cli._torch import require_torch
from forescale.errors import BadOption

if TYPE_CHECKING:
    from forescale.lab.ladder import Say
    from forescale.lab.parallel import Parallel
    from forescale.lab.sweep import Progress

GROUP = "Train and watch"
EXAMPLE = "forescale lab list"

PIECES = ("tasks", "models", "inits", "optimizers", "rules", "engines", "loggers", "worlds")


def run(
    what: Annotated[
        Literal["ladder", "sweep", "grok", "list"],
        Parameter(
            help="ladder: sizes by data within a time budget, then fit and forecast. sweep: the "
            "grid of a TOML file. grok: a transformer that memorises a table and generalises "
            "late, foretold. list: the pieces there are."
        ),
    ],
    file: Annotated[str, Parameter(help="For sweep: the TOML file.")] = "",
    *,
    task: Annotated[str, Parameter(help="What is learnt.")] = "stdlib-bytes",
    model: Annotated[str, Parameter(help="What is trained.")] = "gpt",
    optimizer: Annotated[str, Parameter(help="By which rule.")] = "adamw",
    init: Annotated[str, Parameter(help="From where, and how rates scale.")] = "mup",
    schedule: Annotated[str, Parameter(help="How the rate moves.")] = "cosine",
    rule: Annotated[
        tuple[str, ...], _list("--rule", "NAME[:SETTING=VALUE]", "Change the loop. Repeat.")
    ] = ("clip",),
    setting: Annotated[
        tuple[str, ...],
        _list("--setting", "NAME=VALUE", "For grok: p=113, share=0.3, width=128. Repeat."),
    ] = (),
    axis: Annotated[
        tuple[str, ...],
        _list(
            "--map",
            "NAME=LOW:HIGH",
            "For grok: vary it, and draw where runs grok, memorise or fail. Repeat.",
        ),
    ] = (),
    runs: Annotated[int, Parameter(help="For grok --map: runs in all.")] = 32,
    steps: Annotated[
        int | None,
        Parameter(help="For grok: steps at most; 50000, or 3000 with --map.", show_default=False),
    ] = None,
    batch: Annotated[int, Parameter(help="Examples (sequences) in a step.")] = 8,
    budget: Annotated[str, Parameter(help="For ladder: wall time, such as 10min.")] = "10min",
    folder: Annotated[
        Path | None,
        Parameter(name="--folder", help="Where runs are kept; runs/TASK-MODEL if not told."),
    ] = None,
    workers: Annotated[
        int | None, Parameter(help="Runs at a time; the cores if not told.", show_default=False)
    ] = None,
    engine: Annotated[str, Parameter(help="Where runs run: local, ray or slurm.")] = "local",
    on: Annotated[
        tuple[str, ...],
        _list("--on", "NAME=VALUE", "Option of the engine: address=auto, partition=gpu. Repeat."),
    ] = (),
    device: Annotated[
        str | None,
        Parameter(help="cpu, cuda or cuda:1; cpu if not told and no GPUs are asked for."),
    ] = None,
    processes_per_run: Annotated[
        int | None,
        Parameter(help="For sweep: processes that train one run together.", show_default=False),
    ] = None,
    gpus_per_run: Annotated[
        int | None,
        Parameter(
            help="GPUs that a run has to itself, a process on each; --engine is asked for them.",
            show_default=False,
        ),
    ] = None,
    strategy: Annotated[
        Literal["ddp", "fsdp"],
        Parameter(help="Each of a run's processes keeps the whole model (ddp) or a shard (fsdp)."),
    ] = "ddp",
    log: Annotated[
        tuple[str, ...],
        _list("--log", "NAME", "Send curves there too: tensorboard, mlflow. Repeat for more."),
    ] = (),
    weights: Annotated[
        bool, _flag("--keep-weights", "Keep each run's weights at its end, as KEY.safetensors.")
    ] = False,
    compiled: Annotated[
        bool, _flag("--compile", "Compile models: slower to start, faster to run.")
    ] = False,
    together: Annotated[
        int,
        Parameter(
            help="Seeds of one run trained as one stack, at most. For GPUs; slower on a CPU."
        ),
    ] = 1,
    output: Output = Output(),
) -> int:
    """Train small runs and end with a run table; a ladder also with its fit and forecast."""
    require_torch("the lab")
    device = device or ("cuda" if gpus_per_run else "cpu")
    if what == "grok":
        from forescale.cli import _grok

        given = _values(setting, where="--setting")
        common: dict[str, Any] = {"folder": folder, "device": device, "output": output}
        if not axis:
            return _grok.run_grok(given, steps=steps or 50_000, **common)
        return _grok.run_map(
            axis, given, runs=runs, steps=steps or 3000,
            workers=workers or os.cpu_count() or 1, **common,
        )  # fmt: skip
    parallel = _parallel(processes_per_run, gpus_per_run, strategy, device)
    options: dict[str, Any] = {
        "workers": workers or _workers(parallel, device),
        "engine": engine,
        "device": device,
        "compiled": compiled,
        "together": together,
        "parallel": parallel,
        "log": log,
        "weights": weights,
        **_on(on),
    }
    if what == "list":
        found = pieces()
        _output.emit(found, text=_output.table(found), json=output.json, out=output.out)
        return 0
    if what == "sweep":
        return _sweep(file, folder, options, output)
    if parallel.processes > 1:
        raise BadOption(
            f"a ladder is paced by runs of one process, not {parallel.processes}",
            fix="use sweep, or more --workers",
        )
    from forescale.lab.ladder import ladder
    from forescale.quantities import parse_duration

    base = {
        "task": task.replace("-", "_"),
        "model": model,
        "optimizer": optimizer,
        "init": init,
        "schedule": schedule,
        "rules": _rules(rule),
        "batch": batch,
    }
    place = folder or Path("runs") / f"{task}-{model}"
    with _watched() as say:
        ladder(base, place, budget=parse_duration(budget), say=say, **options)
    _output.tell(f"runs in {place / 'runs.csv'}")
    return _judged(place / "runs.csv", output)


def _sweep(file: str, folder: Path | None, options: dict[str, Any], output: Output) -> int:
    from forescale.lab.sweep import grid, sweep

    if not file:
        raise BadOption("'sweep' needs a TOML file", fix="forescale lab sweep sweep.toml")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise BadOption(f"cannot read it: {error.strerror}", where=file) from None
    configs = grid(text, where=file)
    place = folder or Path("runs") / Path(file).stem
    with _watched() as say:
        table = sweep(configs, place, say=lambda p: say("sweep", p), **options)
    _output.tell(f"runs in {place / 'runs.csv'}")
    rows = [
        {n: table[n][i] for n in ("run", "task", "model", "size", "steps", "lr", "seed", "L")
         if n in table}
        for i in range(len(table))
    ]  # fmt: skip
    _output.emit(rows, text=_output.table(rows), json=output.json, out=output.out)
    return 0


def _parallel(processes: int | None, gpus: int | None, strategy: Any, device: str) -> Parallel:
    """How each run is spread.

    Raises:
        BadOption: If the two numbers differ, or GPUs are asked for on another device.
    """
    from forescale.lab.parallel import Parallel

    if gpus is not None and processes not in {None, gpus}:
        raise BadOption(
            f"{processes} processes on {gpus} GPUs", where="--gpus-per-run", fix="one on each"
        )
    if gpus is not None and device != "cuda":
        raise BadOption(
            f"{gpus} GPUs on the device '{device}'",
            where="--gpus-per-run",
            fix="leave --device out, or use --processes-per-run",
        )
    count = gpus if gpus is not None else processes if processes is not None else 1
    return Parallel(count, strategy, own_gpus=gpus is not None)


def _workers(parallel: Parallel, device: str) -> int:
    """Runs at a time: what the cores hold, or the GPUs where each run has its own."""
    if not device.startswith("cuda"):
        return max(1, (os.cpu_count() or 1) // parallel.processes)
    import torch

    return max(1, torch.cuda.device_count() // parallel.processes) if parallel.own_gpus else 1


def _judged(path: Path, output: Output) -> int:
    """The ladder's law, its test on the largest size, and a forecast one rung up."""
    from forescale import api, report
    from forescale.forecast.backtest import of_fit

    runs = api.read(path)
    fit = api.fit(runs)
    sizes = of_fit(fit, along="N")
    at: dict[str, Any] = {i: 2.0 * float(fit.runs[i].max()) for i in fit.law.inputs}
    made = api.forecast(fit, **at)
    if output.json:
        both = {"fit": fit.to_dict(), "by_size": sizes.to_dict(), "forecast": made.to_dict()}
        _output.emit({"schema": 1, "kind": "ladder", **both}, json=True, out=output.out)
        return _output.exit_code(made.verdict.reasons, strict=output.strict)
    for shown in (fit, sizes):
        _output.emit(shown, text=report.text(shown))
    shown_too: list[Any] = [sizes]
    if output.report is not None:
        shown_too.append(api.read(path.with_name(f"{path.stem}_curves.csv"), pick="all"))
    return show(made, output, with_=shown_too, doubts=made.verdict.reasons)


def _rules(words: tuple[str, ...]) -> dict[str, dict[str, float | str]]:
    """Rules with their settings from `name:setting=value,...` words.

    Raises:
        BadOption: If a word is not of that form.
    """
    split = [word.partition(":") for word in words]
    return {
        name: _values(tuple(filter(None, rest.split(","))), where="--rule")
        for name, _, rest in split
    }


def _on(words: tuple[str, ...]) -> dict[str, float | str]:
    """Options of an engine from `name=value` words, counts as whole numbers: Slurm refuses 4.0.

    Raises:
        BadOption: If a word is not of that form.
    """
    found = _values(words, where="--on")
    return {k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in found.items()}


def _values(words: tuple[str, ...], *, where: str) -> dict[str, float | str]:
    """Names and values from `name=value` words: numbers where they are numbers.

    Raises:
        BadOption: If a word is not of that form.
    """
    from forescale.quantities import parse_number

    found: dict[str, float | str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (equals and name):
            raise BadOption(f"'{word}' is not NAME=VALUE", where=where)
        try:
            # A letter behind the digits is a unit that is not ours to read: mem=4G.
            found[name] = value if value[-1:].isalpha() else parse_number(value)
        except BadOption:
            found[name] = value
    return found


def pieces() -> list[dict[str, str]]:
    """Every piece of the lab: kind, name, what it is."""
    from importlib import import_module

    rooms = {p: import_module(f"forescale.lab.{p}") for p in PIECES}
    rooms["schedules"] = import_module("forescale.schedules")
    return [
        {"kind": kind.removesuffix("s"), "name": name, "what": room.get(name).what}
        for kind, room in rooms.items()
        for name in room.names()
    ]


@contextmanager
def _watched() -> Iterator[Say]:
    """A bar with an ETA where there is a terminal, else a line per run, on stderr."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    screen = _output.console(stderr=True)
    named: dict[str, Any] = {}

    def line(p: Progress) -> str:
        left = f"{p.seconds_left / 60:.1f} min left" if p.seconds_left == p.seconds_left else ""
        if p.last is None:
            return left
        loss = "diverged" if p.last["diverged"] else f"loss {p.last['loss']:.4g}"
        return (
            f"size {p.last['size']}, {p.last['steps']} steps, lr {p.last['lr']:.3g}: {loss}  {left}"
        )

    if not screen.is_terminal:

        def say(stage: str, p: Progress) -> None:
            _output.tell(f"{stage} {p.finished}/{p.total} {line(p)}".rstrip())
            _failures(p)

        yield say
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[line]}"),
    )  # fmt: skip
    with Bar(*columns, console=screen) as bar:

        def draw(stage: str, p: Progress) -> None:
            if stage not in named:
                named[stage] = bar.add_task(stage, total=p.total, line="")
            bar.update(named[stage], completed=p.finished, line=line(p))
            _failures(p)

        yield draw


def _failures(p: Progress) -> None:
    for key, why in p.failed[-1:] if p.last is None else ():
        _output.tell(f"run {key} failed: {why}")
