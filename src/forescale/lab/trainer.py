"""One run, from its configuration to its row: a loop to be read from top to bottom."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forescale import schedules
from forescale.errors import BadOption
from forescale.lab import inits, models, optimizers, rules, tasks
from forescale.lab._io import IO, Loss, Tokens
from forescale.lab.config import Config
from forescale.lab.parallel import ALONE, Team

if TYPE_CHECKING:
    from torch import Tensor, nn

    from forescale.lab.rules import Criterion, Hooks

#: A run whose validation loss is this many times that of its first evaluation has diverged.
LOST = 3.0
#: Validation examples evaluated together.
TOGETHER = 64
#: The points of a curve are measured on every so many-th of them; the end on all.
THINNED = 8
#: Warm-up steps that even the shortest run gets.
LEAST_WARMUP = 8

Row = dict[str, Any]


@dataclass(frozen=True)
class Run:
    """What a run measured.

    Args:
        row: Configuration, sizes, compute and the final loss (NaN where it diverged).
        curve: A row per evaluation: step, data, compute, rate, validation and training loss.
    """

    row: Row
    curve: tuple[Row, ...]


def mark_steps(steps: int, per_decade: int) -> list[int]:
    """Steps after which to evaluate: evenly spaced in their logs, first and last among them."""
    n = max(1, round(per_decade * math.log10(steps))) if steps > 1 else 1
    return sorted({round(steps ** (i / n)) for i in range(n + 1)} | {steps})


def train(
    config: Config,
    *,
    folder: Path | None = None,
    device: str = "cpu",
    compiled: bool = False,
    every: float = 60.0,
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
        team: The processes that train it together; each calls this and returns the same.
        say: Called with each row of the curve.

    Raises:
        BadOption, UnknownName: If the configuration names what is not there or does not fit.
    """
    import torch

    began = time.monotonic()
    task, model = tasks.get(config.task), models.get(config.model)
    init, optimizer = inits.get(config.init), optimizers.get(config.optimizer)
    schedule = schedules.get(config.schedule)
    data = task.data(**config.task_settings)
    # A rule whose loss replaces the plain one comes first, so that the others go around it.
    ordered = sorted(config.rules, key=lambda n: not rules.get(n).replaces)
    hooks = [rules.get(n).hooks(**config.rules[n]) for n in ordered]
    _fitting(config, data.io, data.loss)

    torch.manual_seed(config.seed)
    module = model.make(data.io, config.size, **config.model_settings)
    roles = inits.roles(model, data.io, config.size, config.model_settings, config.base)
    init.apply(module, roles, seed=config.seed)
    counted = models.counts(module, data.io, data.per_example)
    module = team.place(module.to(device))
    stepper = optimizer.over(module, roles, init, **config.optimizer_settings)
    peak = optimizer.lr if config.lr is None else config.lr
    warmup = min(max(LEAST_WARMUP, round(config.warmup * config.steps)), config.steps // 2)
    factors = schedule.factors(config.steps, warmup=warmup, **config.schedule_settings)
    plain = criterion(data.loss)
    trained_on = plain
    for hook in hooks:
        trained_on = hook.criterion(trained_on)
    forward = team.wrap(torch.compile(module, dynamic=False) if compiled else module)
    precision = _precision(device, config.dtype)
    marks = set(mark_steps(config.steps, config.marks))
    per_step = config.batch * data.per_example

    path = folder / f"{config.key}.pt" if folder is not None else None
    state = _Checkpoint(path, module, stepper, hooks, every, team)
    start, curve, losses, spent = state.load(device)
    diverged = False
    for step in range(start, config.steps):
        x, y = data.batch(step, config.batch, config.seed)
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
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

        losses.append(gradient())
        moved = [hook for hook in hooks if hook.twice(module)]
        if moved:
            gradient()
        for hook in moved:
            hook.back(module)
        for hook in hooks:
            hook.gradients(module)
        stepper.step()
        for hook in hooks:
            hook.after(module)

        if step + 1 in marks:
            few = tuple(v[::THINNED] for v in data.validation)
            loss, accuracy = evaluate(module, few, data.loss, plain, hooks, device, team)
            # The device is asked for its losses here and nowhere else: asking makes it wait.
            trained = float(torch.stack(team.mean(losses)).mean())
            losses.clear()
            row = {
                "step": step + 1,
                "data": (step + 1) * per_step,
                "flops": counted.flops * (step + 1) * per_step,
                "lr": peak * float(factors[step]),
                "loss": loss,
                "train_loss": trained,
                "accuracy": accuracy,
            }
            curve.append(row)
            limit = LOST * curve[0]["loss"]
            diverged = not (math.isfinite(loss) and math.isfinite(trained) and loss <= limit)
            if say is not None:
                say(row)
            if diverged:
                break
        state.save(step + 1, curve, losses, spent + time.monotonic() - began)
    loss, accuracy = evaluate(module, data.validation, data.loss, plain, hooks, device, team)
    seconds = spent + time.monotonic() - began
    state.forget()
    seen = curve[-1]["step"] * per_step
    return Run(
        row={
            "run": config.key,
            **config.to_dict(),
            "lr": peak,
            "params": counted.params,
            "params_nonembed": counted.params_nonembed,
            task.unit: seen,
            f"unique_{task.unit}": min(seen, (data.unique or math.inf) * data.per_example),
            "flops": counted.flops * seen,
            "flops_6nd": counted.flops_6n * seen,
            "loss": math.nan if diverged else loss,
            "train_loss": curve[-1]["train_loss"],
            "accuracy": accuracy,
            "diverged": diverged,
            "floor": data.floor,
            "seconds": round(seconds, 3),
            "device": device,
        },
        curve=tuple(curve),
    )


def criterion(loss: Loss) -> Criterion:
    """The plain loss of a task, averaged over all targets."""
    import torch.nn.functional as F

    def cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
        return F.cross_entropy(scores.flatten(0, -2), targets.flatten())

    def mse(scores: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(scores, targets)

    return cross_entropy if loss == "cross_entropy" else mse


def evaluate(
    module: nn.Module,
    validation: Sequence[Tensor],
    kind: Loss,
    loss: Criterion,
    hooks: list[Hooks],
    device: str,
    team: Team = ALONE,
) -> tuple[float, float | None]:
    """Mean loss over the validation set, and the share of targets that score highest, if any."""
    import torch

    x, y = validation
    total = torch.zeros((), dtype=torch.float64, device=device)
    right = torch.zeros((), dtype=torch.float64, device=device)
    seen = torch.zeros((), dtype=torch.float64, device=device)
    with contextlib.ExitStack() as stack, torch.no_grad():
        for hook in hooks:
            stack.enter_context(hook.evaluating(module))
        module.eval()
        for xs, ys in zip(team.pieces(x, TOGETHER), team.pieces(y, TOGETHER), strict=True):
            xs, ys = xs.to(device), ys.to(device)
            scores = module(xs)
            total += loss(scores, ys).double() * len(xs)
            if kind == "cross_entropy":
                right += (scores.argmax(-1) == ys).double().mean() * len(xs)
            seen += len(xs)
        module.train()
    total, right, seen = team.sum(torch.stack([total, right, seen])).unbind()
    share = float(right / seen) if kind == "cross_entropy" else None
    return float(total / seen), share


def _fitting(config: Config, io: IO, loss: Loss) -> None:
    """Refuse rules that a task cannot use, or that exclude each other."""
    rivals = [n for n in config.rules if rules.get(n).replaces]
    if len(rivals) > 1:
        raise BadOption(
            f"rules {' and '.join(rivals)} each put another loss in place of the plain one",
            fix="choose one",
        )
    for name in config.rules:
        rule = rules.get(name)
        if rule.classes and loss != "cross_entropy":
            raise BadOption(
                f"rule '{name}' needs classes, task '{config.task}' has values",
                fix="leave it out",
            )
        if rule.vectors and isinstance(io, Tokens):
            raise BadOption(f"rule '{name}' mixes inputs, which tokens are not", fix="leave it out")


def _precision(device: str, dtype: str) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    import torch

    if dtype == "float32":
        return contextlib.nullcontext
    kind = torch.device(device).type
    return lambda: torch.autocast(kind, dtype=torch.bfloat16)


class _Checkpoint:
    """Where a run stands, on disk: one file, replaced as a whole."""

    def __init__(
        self,
        path: Path | None,
        module: nn.Module,
        stepper: optimizers.Steppers,
        hooks: list[Hooks],
        every: float,
        team: Team,
    ) -> None:
        self.path, self.module, self.stepper, self.hooks = path, module, stepper, hooks
        self.every, self.last, self.team = every, time.monotonic(), team

    def load(self, device: str) -> tuple[int, list[Row], list[Tensor], float]:
        """Step to go on from, the curve, losses not yet in it, and seconds spent."""
        import torch

        if self.path is None or not self.path.exists():
            return 0, [], [], 0.0
        kept = torch.load(self.path, map_location=device, weights_only=True)
        module, own = kept["module"], dict(self.module.named_parameters())
        shards = self.team.shared(list(module.values()), [own.get(n) for n in module])
        self.module.load_state_dict(dict(zip(module, shards, strict=True)))
        for part, state in zip(self.stepper.parts, kept["stepper"], strict=True):
            params = [p for group in part.param_groups for p in group["params"]]
            of = state["state"]
            shards = self.team.shared(list(of.values()), [params[i] for i in of])
            state["state"] = dict(zip(of, shards, strict=True))
        self.stepper.load_state_dict(kept["stepper"])
        for hook, state in zip(self.hooks, kept["hooks"], strict=True):
            hook.load_state_dict(state)
        return kept["step"], kept["curve"], list(kept["losses"]), kept["seconds"]

    def save(self, step: int, curve: list[Row], losses: list[Tensor], seconds: float) -> None:
        """Write the file where it is time to."""
        import torch

        if self.path is None:
            return
        if not self.team.agree(time.monotonic() - self.last >= self.every):
            return
        kept = self.team.whole(
            {
                "step": step,
                "curve": curve,
                "losses": self.team.mean(losses),
                "seconds": seconds,
                "module": self.module.state_dict(),
                "stepper": self.stepper.state_dict(),
                "hooks": [hook.state_dict() for hook in self.hooks],
            }
        )
        if self.team.leader:
            part = self.path.with_suffix(".pt.part")
            torch.save(kept, part)
            os.replace(part, self.path)
        self.last = time.monotonic()

    def forget(self) -> None:
        """Remove the file of a run that is over."""
        if self.path is not None and self.team.leader:
            self.path.unlink(missing_ok=True)
