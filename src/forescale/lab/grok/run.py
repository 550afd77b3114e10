"""A run from its start to generalisation: the curve, when it memorised, when it generalised."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from forescale import files
from forescale.errors import BadOption
from forescale.lab.grok import progress
from forescale.lab.grok.fast import Entries, Fast
from forescale.lab.grok.losses import log1p
from forescale.lab.grok.reference import Ints, Setup, Split, split
from forescale.lab.grok.result import Grokked

#: Accuracy that counts as knowing the entries; the run ends once the test keeps the higher one.
KNOWN, SETTLED = 0.99, 0.999
#: Steps for which it must be kept, and steps between looks while an accuracy is on its way.
KEPT, CLOSE = 100, 25
PER_DECADE = 40
#: Seconds between checkpoints.
EVERY = 30.0
#: Test accuracy from which it counts as on its way.
LEFT_CHANCE = 0.1

#: Called with the rows so far, after each look.
Look = Callable[[Sequence[Mapping[str, float]]], None]


def marks(steps: int) -> list[int]:
    """Steps to look at: 40 per decade, whole, from 0 to `steps`."""
    top = max(steps, 1)
    many = math.ceil(PER_DECADE * math.log10(top)) if top > 1 else 0
    grid = {round(10 ** (k / PER_DECADE)) for k in range(many + 1)}
    return sorted({0, steps, *(s for s in grid if s <= steps)})


@contextmanager
def settled(threads: int, device: str) -> Iterator[bool]:
    """Threads and the flushing of denormals as asked, put back afterwards; whether it flushes."""
    before = torch.get_num_threads()
    tiny = torch.tensor(1e-310, dtype=torch.float64)
    was = bool((tiny * 1.0 == 0).item())
    torch.set_num_threads(threads)
    flushed = device == "cpu" and torch.set_flush_denormal(True)
    try:
        yield flushed
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(was)


class _Run:
    """A run under way: what a checkpoint holds."""

    def __init__(self, net: Fast, data: Split, keep: set[int]) -> None:
        self.net, self.keep = net, keep
        self.curve: list[dict[str, float]] = []
        self.weights: dict[int, Tensor] = {}
        self.seconds = 0.0
        self.known: dict[str, int | None] = {"train": None, "test": None}
        self.since: int | None = None
        self.next = 0

    def look(self) -> dict[str, float]:
        """A row of the curve, and what it means for the end."""
        net, step = self.net, self.net.taken
        row: dict[str, float] = {"step": float(step)}
        for part, at in (("train", net.train), ("test", net.test)):
            loss, accuracy, collapsed = _judged(net, at)
            row[f"{part}_loss"], row[f"{part}_accuracy"] = loss, accuracy
            if part == "train":
                row["collapsed"] = collapsed
            if self.known[part] is None and accuracy >= KNOWN:
                self.known[part] = step
        row["squares"] = float(net.flat.detach().square().sum())
        row["gradient"] = math.nan
        self.curve.append(row)
        if row["test_accuracy"] < SETTLED:
            self.since = None
        elif self.since is None:
            self.since = step
        if step in self.keep:
            self.weights[step] = net.flat.detach().cpu().clone()
        return row

    def close(self) -> bool:
        """Whether an accuracy is on its way, so that looks must not be far apart."""
        row = self.curve[-1]
        going = LEFT_CHANCE < row["train_accuracy"] < KNOWN
        return going or LEFT_CHANCE < row["test_accuracy"] < SETTLED or self.since is not None

    def state(self) -> dict[str, Any]:
        """Everything but the settings."""
        kept = {k: v for k, v in vars(self).items() if k not in ("net", "keep")}
        return {**kept, "net": self.net.state()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state."""
        self.net.load(state["net"])
        vars(self).update({k: v for k, v in state.items() if k != "net"})


def _judged(net: Fast, at: Entries) -> tuple[float, float, float]:
    """Mean loss, accuracy and share of collapsed softmaxes on entries."""
    scores = net.run(at).scores_nv
    right = (scores.argmax(1) == at.right).float().mean()
    z = scores.float()
    alone = ((z - z.amax(1, keepdim=True)).exp().sum(1) == 1).float().mean()
    loss = log1p(scores, at.right)[0].double().mean()
    found = torch.stack([loss, right.double(), alone.double()]).tolist()
    return found[0], found[1], found[2]


def grok(
    setup: Setup,
    *,
    steps: int = 50_000,
    looks: int | Literal["log"] = "log",
    end: bool = True,
    measures: bool = False,
    keep: tuple[int, ...] = (),
    table: Ints | None = None,
    look: Look | None = None,
    folder: Path | str | None = None,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    threads: int = 1,
) -> Grokked:
    """Train until the test entries are known; the curve and the two times.

    Args:
        setup: The settings.
        steps: Steps at most.
        looks: Steps between looks, or "log": 40 per decade, and every 25 while an accuracy
            is on its way.
        end: Whether to stop once the test kept 99.9 % for 100 steps.
        measures: Whether to add the measures of progress at 40 points per decade; the operation
            must be that of a group, or subtraction modulo p. Weights at these steps are held in
            memory.
        keep: Steps of whose weights a copy is wanted, beside those of `measures`.
        table: Rows a, b, a o b of another operation.
        look: Called with the rows of the curve so far, after each look.
        folder: Where a run that is interrupted leaves what it needs to go on, and a run that is
            over its result, `grok.json`; called again, it goes on, or gives the result at once
            (without weights).
        device: Where to compute.
        dtype: Of the weights.
        threads: Threads of the CPU; one is fastest unless the machine is idle.

    Raises:
        BadOption: If the folder holds a run with other settings, or a setting makes no run.
    """
    data = split(setup, table)
    onto = progress.projectors(data) if measures else None
    grid = set(marks(steps) if looks == "log" else [*range(0, steps, looks), steps])
    kept = set(keep) | (set(marks(steps)) if measures else set())
    place = None if folder is None else Path(folder)
    kind = str(dtype).removeprefix("torch.")
    asked = {
        "setup": {**asdict(setup), "betas": list(setup.betas)},
        "looks": looks,
        "end": end,
        "measures": measures,
        "keep": sorted(keep),
        "dtype": kind,
        "table": None if table is None else sha256(data.rows.tobytes()).hexdigest(),
    }
    if place is not None:
        place.mkdir(parents=True, exist_ok=True)
        if (found := _over(place / "grok.json", asked, steps)) is not None:
            return found
    with settled(threads, device) as flushed:
        run = _Run(Fast(setup, data, dtype, device), data, kept)
        saved = None if place is None else _load(place / "grok.pt", asked, device)
        if saved is not None:
            run.load(saved)

        def save() -> None:
            if place is not None:
                _save(place / "grok.pt", {"asked": asked, **run.state()})

        ended = _train(run, steps, grid, looks == "log", end, look, save)
        if ended == "steps":
            # Kept, so that the run can be taken further.
            save()
        frequencies: tuple[int, ...] = ()
        if onto is not None:
            frequencies = progress.attach(run.net, data, onto, run.weights, run.curve)
    result = Grokked(
        setup=setup,
        curve=tuple(run.curve),
        t_memorised=run.known["train"],
        t_generalised=run.known["test"],
        steps=run.net.taken,
        ended=ended,
        seconds=run.seconds,
        frequencies=frequencies,
        dtype=kind,
        device=device,
        threads=threads,
        flushed=flushed,
        weights=run.weights,
    )
    if place is not None:
        text = json.dumps({"asked": asked, "steps": steps, "result": result.to_dict()})
        files.write(place / "grok.json", text)
        if ended == "settled":
            (place / "grok.pt").unlink(missing_ok=True)
    return result


def _train(
    run: _Run,
    steps: int,
    grid: set[int],
    dense: bool,
    end: bool,
    look: Look | None,
    save: Callable[[], None],
) -> Literal["settled", "steps"]:
    started, saved = time.process_time() - run.seconds, time.monotonic()
    while True:
        step = run.net.taken
        if step >= run.next or step in grid or step in run.keep:
            # A resumed run may stand at a step that it has looked at already.
            if not run.curve or run.curve[-1]["step"] < step:
                run.look()
                if look is not None:
                    look(run.curve)
            run.next = step + CLOSE if dense and run.close() else steps
            if end and run.since is not None and step - run.since >= KEPT:
                run.seconds = time.process_time() - started
                return "settled"
        if step >= steps:
            run.seconds = time.process_time() - started
            return "steps"
        if time.monotonic() - saved >= EVERY:
            run.seconds = time.process_time() - started
            save()
            saved = time.monotonic()
        run.net.gradient()
        if (last := run.curve[-1])["step"] == step:
            assert run.net.flat.grad is not None
            last["gradient"] = float(run.net.flat.grad.norm())
        run.net.update()


def _over(path: Path, asked: dict[str, Any], steps: int) -> Grokked | None:
    """The result of a run that is over, where it answers what is asked."""
    if not path.exists():
        return None
    held = json.loads(path.read_text(encoding="utf-8"))
    _same(path, held["asked"], asked)
    found = Grokked.from_dict(held["result"])
    return found if found.ended == "settled" or found.steps == steps else None


def _load(path: Path, asked: dict[str, Any], device: str) -> dict[str, Any] | None:
    """What a checkpoint holds."""
    if not path.exists():
        return None
    held = torch.load(path, map_location=device, weights_only=True)
    _same(path, held.pop("asked"), asked)
    return dict(held)


def _same(path: Path, held: dict[str, Any], asked: dict[str, Any]) -> None:
    if held != asked:
        other = [k for k in asked if held.get(k) != asked[k]]
        raise BadOption(
            f"the folder holds a run with another {' and '.join(other)}",
            where=str(path),
            fix="choose another folder, or remove this file",
        )


def _save(path: Path, held: dict[str, Any]) -> None:
    part = path.with_suffix(".pt.part")
    torch.save(held, part)
    os.replace(part, path)
