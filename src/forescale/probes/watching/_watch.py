"""The watch itself: counts the optimizer's steps and reads the probes that are due."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forescale.errors import BadOption, ForescaleWarning
from forescale.probes import _read
from forescale.probes._contract import Batch, Loss, Probe
from forescale.probes.watching.budget import FREE, Budget
from forescale.probes.watching.record import Record, table
from forescale.probes.watching.schedule import Every, schedule
from forescale.probes.watching.unwrap import leads, original, torch_optimizer

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

#: Calls of `log` whose numbers may wait on the device for the next reading.
WAITING = 4096

Probes = str | Sequence[str | Probe] | Mapping[str, Mapping[str, Any]]


def watch(
    model: nn.Module,
    optimizer: Optimizer,
    probes: Probes = ("norms",),
    data: Batch | tuple[Tensor, Tensor] | Tensor | None = None,
    loss: Loss | None = None,
    every: Every = "log",
    budget: float = 0.05,
    path: Path | str | None = None,
    seed: int = 0,
    mode: _read.Mode = "eval",
) -> Watch:
    """A watch on a model in training, until it is closed; the run's numbers stay as they are.

    Which readings a finite budget leaves out depends on the clock; what a reading says does not.
    Of several processes the first looks, and the others wait for it at their next exchange.

    Args:
        model: The model; of a compiled or data-parallel one the original is read.
        optimizer: Whose steps are counted; a step that a gradient scaler skips is none.
        probes: Name or names of probes, or names and the settings of each.
        data: The batch that all probes read on, all along; a copy is kept.
        loss: Mean loss of the model's output and the targets.
        every: When to look: "log" for about 40 times a decade, a number of steps, or a function
            of the step; 0 is before the first step, after its forward pass.
        budget: Largest share of wall time for the watch, but for the first two readings of each
            probe; probes that cost more are read at fewer of the looks.
        path: A file for the readings, added to line by line; None keeps them in memory.
        seed: Seed of what is random in the probes, the same at every step.
        mode: As in `read`.

    Raises:
        UnknownName: If there is no such probe or setting.
        BadOption: If a probe lacks targets, classes or a loss, if the schedule, budget or path
            cannot be used, or if parameters are sharded.
    """
    if data is None:
        raise BadOption(
            "a watch needs a batch to read on", where="watch", fix="give data=(inputs, targets)"
        )
    if isinstance(probes, str):
        probes = (probes,)
    pairs = probes.items() if isinstance(probes, Mapping) else [(p, {}) for p in probes]
    chosen = {}
    for name, settings in pairs:
        probe, batch = _read.prepared(name, data, loss, settings)
        chosen[probe.name] = (probe, dict(settings))
    if not chosen:
        raise BadOption("there is nothing to watch", where="watch", fix='as in probes=("norms",)')
    if not budget > 0:
        raise BadOption(
            f"budget={budget:g} leaves no time to look", where="watch", fix="as in budget=0.05"
        )
    return Watch(
        original(model), optimizer, chosen, batch, loss, every, budget, path, seed=seed, mode=mode
    )


class Watch:
    """Readings of a run so far, and what makes the next ones; made by `watch`."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        probes: Mapping[str, tuple[Probe, Mapping[str, Any]]],
        batch: Batch,
        loss: Loss | None,
        every: Every,
        budget: float,
        path: Path | str | None,
        *,
        seed: int,
        mode: _read.Mode,
    ) -> None:
        self._model = model
        self._probes = dict(probes)
        self._batch = Batch(
            batch.inputs.detach().clone(),
            None if batch.targets is None else batch.targets.detach().clone(),
        )
        self._loss, self._seed, self._mode = loss, seed, mode
        self._due = schedule(every)
        self._budget = Budget(budget, tuple(probes))
        self._record = Record(None if path is None else Path(path))
        self._leads = leads()
        # Steps counted, and of these a device's count of skipped ones that was not asked for yet.
        self._counted = 0
        self._skipped: Tensor | None = None
        self._waiting: list[tuple[int, Tensor | None, dict[str, Any]]] = []
        self._looked, self._begun, self._closed = -1, False, False
        # Up to where the run's time is counted: a step, and the clock.
        self._since = (0, time.perf_counter())
        inner = torch_optimizer(optimizer)
        self._handles = [
            inner.register_step_pre_hook(self._before),
            inner.register_step_post_hook(self._after),
        ]

    @property
    def step(self) -> int:
        """Steps the optimizer has made."""
        if self._skipped is not None:
            self._counted -= int(self._skipped.item())
            self._skipped = None
        return self._counted

    @property
    def spent(self) -> float:
        """Wall time of the watch over that of the run without it; NaN before a reading."""
        return self._budget.spent

    @property
    def path(self) -> Path | None:
        """The file of the readings."""
        return self._record.path

    def log(self, **numbers: Any) -> None:
        """Note numbers at this step; a tensor is copied on its device and asked for later.

        Raises:
            BadOption: If one is no number.
        """
        import torch

        if not self._leads:
            return
        began = time.perf_counter()
        kept: dict[str, Any] = {}
        for name, value in numbers.items():
            if isinstance(value, torch.Tensor) and value.numel() == 1:
                # A copy, for the run may go on adding to it.
                kept[name] = value.detach().reshape(()).clone()
                continue
            try:
                kept[name] = float(value)
            except (TypeError, ValueError, RuntimeError):
                raise BadOption(
                    f"{name}={type(value).__name__} is no number",
                    where="Watch.log",
                    fix="log one number or a tensor of one element",
                ) from None
        self._waiting.append((self._counted, self._skipped, kept))
        if len(self._waiting) >= WAITING:
            self.flush()
        self._budget.looking += time.perf_counter() - began

    def flush(self) -> None:
        """Write down what was logged."""
        waiting, self._waiting = self._waiting, []
        known = _fetched(
            [v for _, s, kept in waiting for v in (s, *kept.values()) if _is_tensor(v)]
        )
        lines = []
        for counted, skipped, kept in waiting:
            step = counted - (0 if skipped is None else int(known[id(skipped)]))
            values = {n: known[id(v)] if _is_tensor(v) else v for n, v in kept.items()}
            lines.append({"step": step, "probe": "log", "values": values, "seconds": 0.0})
        self._record.add(lines)

    def table(self) -> dict[str, list[Any]]:
        """Columns step, probe, metric, value and seconds, one row a number; seconds of a reading.

        What was logged stands under the probe "log".
        """
        self.flush()
        return table(self._record.lines())

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs for the watch to go on; plain values."""
        self.flush()
        return {
            "step": self.step,
            "looked": self._looked,
            "budget": self._budget.to_dict(),
            "lines": list(self._record.kept),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; lines that the file holds beyond it count no longer.

        Args:
            state: What `state_dict` gave, or the step alone.
        """
        self._counted, self._skipped, self._waiting = state["step"], None, []
        self._looked = state.get("looked", self._counted)
        if "budget" in state:
            self._budget.load(state["budget"])
        self._record.begin(self._counted, state.get("lines", ()))
        self._since = (self._counted, time.perf_counter())

    def close(self) -> None:
        """Write what waits and leave the optimizer; the table can still be read."""
        if self._closed:
            return
        self._closed = True
        for handle in self._handles:
            handle.remove()
        self.flush()
        if self._record.begun:
            accounts = self._budget.accounts
            spent = {"closed": self.step, "seconds": {n: a.spent for n, a in accounts.items()}}
            self._record.add([spent | {"run_seconds": self._budget.run_seconds}])

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        spent = "nothing yet" if self.spent != self.spent else f"{self.spent:.1%} of the run's time"
        count = sum(a.readings for a in self._budget.accounts.values())
        return f"Watch({', '.join(self._probes)}; step {self.step}, {count} readings, {spent})"

    def summary(self) -> str:
        """What was read and what it cost, one line a probe."""
        lines = [repr(self)]
        for name, account in self._budget.accounts.items():
            cost = f"{account.cost * 1e3:.3g} ms each" if account.readings else "no cost known"
            lines.append(
                f"{name}: {account.readings} readings, {cost}, {account.spent:.3g} s in all"
            )
        return "\n".join(lines)

    def _before(self, *_: object) -> None:
        # Here and not when the watch is made: a checkpoint may have been loaded in between.
        if not self._begun:
            self._begun = True
            self._since = (self._counted, time.perf_counter())
            if self._counted == 0:
                self._look(0)

    def _after(self, optimizer: Optimizer, *_: object) -> None:
        began = time.perf_counter()
        self._counted += 1
        # Fused optimizers skip a step inside the kernel, and only the device knows.
        found = getattr(optimizer, "found_inf", None)
        if found is not None:
            self._skipped = found.clone() if self._skipped is None else self._skipped + found
        # An upper bound of the step comes first to every look, so that none is missed; only
        # there the device is asked.
        due = self._leads and self._due(self._counted)
        self._budget.looking += time.perf_counter() - began
        if due:
            self._look(self.step)

    def _look(self, step: int) -> None:
        """Read the probes that are due and affordable."""
        if not self._leads or step <= self._looked or not self._due(step):
            return
        gap, self._looked = step - self._looked, step
        now = time.perf_counter()
        self._budget.passed(step - self._since[0], now - self._since[1])
        chosen = [n for n in self._probes if self._budget.affords(n, step, gap)]
        decided = time.perf_counter()
        self._budget.looking += decided - now
        if chosen:
            # It waits for the device, so only where something is read.
            device = self._here()
            self._budget.passed(0, time.perf_counter() - decided)
            for name in chosen:
                self._read(*self._probes[name], step, device)
        self._since = (step, time.perf_counter() if chosen else decided)

    def _read(self, probe: Probe, settings: Mapping[str, Any], step: int, device: Any) -> None:
        import torch

        begun = time.perf_counter()
        try:
            with ExitStack() as stack:
                # Autocast around the loop keeps its casts of the weights from before the step.
                for kind in {"cpu", device.type}:
                    stack.enter_context(torch.autocast(kind, enabled=False))
                reading = _read.read(
                    probe,
                    self._model,
                    self._batch,
                    self._loss,
                    mode=self._mode,
                    seed=self._seed,
                    **settings,
                )
        except Exception as error:
            # What never worked is the caller's to mend; what worked must not end a long run.
            if self._budget.accounts[probe.name].readings < FREE:
                raise
            del self._probes[probe.name]
            warnings.warn(
                ForescaleWarning(
                    f"step {step}: probe '{probe.name}' is watched no longer: "
                    f"{type(error).__name__}: {error}"
                ),
                stacklevel=2,
            )
            return
        line = {
            "step": step,
            "probe": probe.name,
            "values": dict(reading.values),
            "seconds": reading.seconds,
        }
        self.flush()
        self._record.add([line])
        self._budget.paid(probe.name, step, time.perf_counter() - begun)

    def _here(self) -> Any:
        """The model's device, all its work done, with the batch there."""
        import torch

        device = next((p.device for p in self._model.parameters()), torch.device("cpu"))
        if self._batch.inputs.device != device:
            targets = self._batch.targets
            self._batch = Batch(
                self._batch.inputs.to(device), None if targets is None else targets.to(device)
            )
        if device.type == "cuda":
            # Work of the run that a reading would wait for is not the reading's cost.
            torch.cuda.synchronize(device)
        return device


def _is_tensor(value: object) -> bool:
    import torch

    return isinstance(value, torch.Tensor)


def _fetched(tensors: Sequence[Tensor]) -> dict[int, float]:
    """Numbers of tensors of one element, by identity; one transfer for each device and type."""
    import torch

    alike: dict[tuple[Any, Any], dict[int, Tensor]] = {}
    for tensor in tensors:
        alike.setdefault((tensor.device, tensor.dtype), {})[id(tensor)] = tensor.reshape(())
    return {
        key: float(value)
        for group in alike.values()
        for key, value in zip(group, torch.stack(list(group.values())).tolist(), strict=True)
    }
