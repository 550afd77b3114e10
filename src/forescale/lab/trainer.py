"""One run, from its configuration to its row: a loop to be read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from forescale.lab import inits, models, optimizers, rules, tasks
from forescale.lab._checkpoint import Checkpoint, keep_weights
from forescale.lab._probed import Probed
from forescale.lab._run import (
    Row,
    Run,
    autocast,
    begun,
    check_fitting,
    criterion,
    drawn,
    ended,
    evaluate,
    is_over,
    judged,
    mark_steps,
    ordered,
    point,
    rates,
    take_step,
    thinned,
)
from forescale.lab.config import Config
from forescale.lab.parallel import ALONE, Team

if TYPE_CHECKING:
    from torch import Tensor


def train(
    config: Config,
    *,
    folder: Path | None = None,
    device: str = "cpu",
    compiled: bool = False,
    every: float = 60.0,
    weights: bool = False,
    team: Team = ALONE,
    say: Callable[[Row], None] | None = None,
) -> Run:
    """Train one model, resuming where a checkpoint is found.

    The same configuration gives the same numbers on the same device, whether or not the run
    was interrupted: batches are a function of the step, and the rest is in the checkpoint.

    Args:
        config: The run.
        folder: Where its checkpoint lies while it runs; None for none.
        device: PyTorch's name of the device.
        compiled: Compile the model; slower to start, faster to run.
        every: Seconds between checkpoints.
        weights: Keep the weights that are judged at the end, in the folder, as KEY.safetensors.
        team: The processes that train it together; each calls this and returns the same.
        say: Called with each row of the curve.

    Raises:
        BadOption, UnknownName: If the configuration names what is not there or does not fit.
    """
    import torch

    began = time.monotonic()
    init, optimizer = inits.get(config.init), optimizers.get(config.optimizer)
    peak, factors = rates(config)
    data = tasks.get(config.task).data(**config.task_settings)
    hooks = [rules.get(n).hooks(**config.rules[n]) for n in ordered(config)]
    check_fitting(config, data.io, data.loss)

    probed = Probed(config, data, device)

    module, roles = begun(config, data.io)
    counted = models.counts(module, data.io, data.per_example)
    module = team.place(module.to(device))
    stepper = optimizer.over(module, roles, init, **config.optimizer_settings)
    plain = criterion(data.loss)
    trained_on = plain
    for hook in hooks:
        trained_on = hook.criterion(trained_on)
    if compiled:
        # Past eight modules in one process, a sweep's worker, it would give up silently.
        torch._dynamo.reset()
    forward = team.wrap(torch.compile(module, dynamic=False) if compiled else module)
    precision = autocast(device, config.dtype)
    marks = set(mark_steps(config.steps, config.marks))
    per_step = config.batch * data.per_example

    path = folder / f"{config.key}.pt" if folder is not None else None
    state = Checkpoint(path, module, stepper, hooks, every, team)
    start, curve, losses, spent = state.load(device)
    if not start:
        for hook in hooks:
            hook.begin(module)
    for step in range(start, config.steps):
        x, y = data.batch(step, config.batch, config.seed)
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        generator = drawn(config, step)
        for hook in hooks:
            x, y = hook.inputs(x, y, generator)
        x, y = team.part(x), team.part(y)
        stepper.set_lr(peak * float(factors[step]))

        def gradient(x: Tensor = x, y: Tensor = y) -> Tensor:
            stepper.zero_grad()
            total = torch.zeros((), device=device)
            parts = zip(x.chunk(config.accumulate), y.chunk(config.accumulate), strict=True)
            for i, (xs, ys) in enumerate(parts, 1):
                team.sync(forward, last=i == config.accumulate)
                with precision():
                    loss = trained_on(forward(xs), ys) / config.accumulate
                loss.backward()
                total = total + loss.detach()
            return total

        losses.append(take_step(module, stepper, hooks, gradient))

        if step + 1 in marks:
            few = thinned(data.validation)
            loss, accuracy = evaluate(module, few, data.loss, plain, hooks, device, team)
            # The device is asked for its losses here and nowhere else: asking makes it wait.
            trained = float(torch.stack(team.mean(losses)).mean())
            losses.clear()
            lr = peak * float(factors[step])
            row = point(step + 1, per_step, counted, lr, loss, trained, accuracy)
            with judged(module, hooks):
                row |= probed.row(module) if math.isfinite(loss) else {}
            curve.append(row)
            if say is not None:
                say(row)
            if is_over(config, curve):
                break
        state.save(step + 1, curve, losses, spent + time.monotonic() - began)
    loss, accuracy = evaluate(module, data.validation, data.loss, plain, hooks, device, team)
    seconds = spent + time.monotonic() - began
    if weights and folder is not None:
        with judged(module, hooks):
            keep_weights(folder / f"{config.key}.safetensors", module, team)
    state.forget()
    return ended(config, data, counted, curve, loss, accuracy, seconds, device)
