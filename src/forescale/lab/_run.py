"""What a run is made of, whether it is trained alone or in a stack of seeds."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forescale import schedules
from forescale.errors import BadOption
from forescale.lab import inits, models, optimizers, rules, tasks
from forescale.lab._io import IGNORED, IO, Loss, Tokens
from forescale.lab.config import Config
from forescale.lab.parallel import ALONE, Team

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor, nn

    from forescale.lab.rules import Criterion, Hooks

#: A run whose training loss is this many times that of its first evaluation has diverged. Its
#: validation loss says nothing of it: what is learnt by heart is told wrong, and with confidence.
LOST = 3.0
#: Validation examples evaluated together.
TOGETHER = 64
#: The points of a curve are measured on every so many-th of them where there are more targets
#: than suffice; the end on all.
THINNED, ENOUGH = 8, 2000
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


def ordered(config: Config) -> list[str]:
    """The rules, one whose loss replaces the plain one first: the others go around it."""
    return sorted(config.rules, key=lambda n: not rules.get(n).replaces)


def peak(config: Config) -> float:
    return optimizers.get(config.optimizer).lr if config.lr is None else config.lr


def rates(config: Config) -> tuple[float, NDArray[np.float64]]:
    """The peak learning rate, and the factor on it at every step, shape (steps,)."""
    warmup = min(max(LEAST_WARMUP, round(config.warmup * config.steps)), config.steps // 2)
    schedule = schedules.get(config.schedule)
    factors = schedule.factors(config.steps, warmup=warmup, **config.schedule_settings)
    return peak(config), factors


def drawn(config: Config, step: int) -> torch.Generator:
    """What rules draw from in a step: a function of the step, so that no state need be kept."""
    import torch

    return torch.Generator().manual_seed(config.seed * 1_000_003 + step)


def begun(config: Config, io: IO) -> tuple[nn.Module, inits.Roles]:
    """The module with its first weights, on the CPU, and the roles of its parameters."""
    import torch

    model = models.get(config.model)
    torch.manual_seed(config.seed)
    module = model.make(io, config.size, **config.model_settings)
    roles = inits.roles(model, io, config.size, config.model_settings, config.base)
    inits.get(config.init).apply(module, roles, seed=config.seed)
    return module, roles


def take_step(
    module: nn.Module,
    stepper: optimizers.Steppers,
    hooks: Sequence[Hooks],
    gradient: Callable[[], Tensor],
) -> Tensor:
    """One step by the gradient that a function puts in place; the loss that it returned."""
    loss = gradient()
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
    return loss


def point(
    step: int,
    per_step: int,
    counted: models.Counts,
    lr: float,
    loss: float,
    trained: float,
    accuracy: float | None,
) -> Row:
    """A row of the curve."""
    return {
        "step": step,
        "data": step * per_step,
        "flops": counted.flops * step * per_step,
        "lr": lr,
        "loss": loss,
        "train_loss": trained,
        "accuracy": accuracy,
    }


def has_diverged(curve: Sequence[Row]) -> bool:
    """Whether the run is lost at the last row of its curve."""
    loss, trained = curve[-1]["loss"], curve[-1]["train_loss"]
    finite = math.isfinite(loss) and math.isfinite(trained)
    return not (finite and trained <= LOST * curve[0]["train_loss"])


def is_over(config: Config, curve: Sequence[Row]) -> bool:
    """Whether the last row of a curve ends the run: it is lost, or as good as asked for."""
    accuracy = curve[-1]["accuracy"]
    arrived = config.until is not None and accuracy is not None and accuracy >= config.until
    return arrived or has_diverged(curve)


def ended(
    config: Config,
    data: tasks.Data,
    counted: models.Counts,
    curve: Sequence[Row],
    loss: float,
    accuracy: float | None,
    seconds: float,
    device: str,
) -> Run:
    """What is kept of a run that has ended, with its loss on the whole validation set."""
    task, diverged = tasks.get(config.task), has_diverged(curve)
    seen = curve[-1]["data"]
    return Run(
        row={
            "run": config.key,
            **config.to_dict(),
            "lr": peak(config),
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
    with judged(module, hooks), torch.no_grad():
        module.eval()
        for xs, ys in zip(team.pieces(x, TOGETHER), team.pieces(y, TOGETHER), strict=True):
            xs, ys = xs.to(device), ys.to(device)
            scores = module(xs)
            total += loss(scores, ys).double() * len(xs)
            if kind == "cross_entropy":
                asked = ys != IGNORED
                hits = (scores.argmax(-1) == ys) & asked
                right += hits.double().sum() / asked.sum() * len(xs)
            seen += len(xs)
        module.train()
    total, right, seen = team.sum(torch.stack([total, right, seen])).unbind()
    share = float(right / seen) if kind == "cross_entropy" else None
    return float(total / seen), share


def thinned(validation: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """What the points of a curve are measured on."""
    every = THINNED if validation[1].numel() > ENOUGH else 1
    return tuple(v[::every] for v in validation)


@contextlib.contextmanager
def judged(module: nn.Module, hooks: Sequence[Hooks]) -> Iterator[None]:
    """The weights in place that the rules say are to be judged."""
    with contextlib.ExitStack() as stack:
        for hook in hooks:
            stack.enter_context(hook.evaluating(module))
        yield


def check_fitting(config: Config, io: IO, loss: Loss) -> None:
    """Refuse what a task cannot use, and rules that exclude each other."""
    rivals = [n for n in config.rules if rules.get(n).replaces]
    if len(rivals) > 1:
        raise BadOption(
            f"rules {' and '.join(rivals)} each put another loss in place of the plain one",
            fix="choose one",
        )
    if config.until is not None and loss != "cross_entropy":
        raise BadOption(
            f"until is an accuracy, and task '{config.task}' has values", fix="leave it out"
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


def autocast(device: str, dtype: str) -> Callable[[], contextlib.AbstractContextManager[Any]]:
    import torch

    if dtype == "float32":
        return contextlib.nullcontext
    kind = torch.device(device).type
    return lambda: torch.autocast(kind, dtype=torch.bfloat16)
