"""A model of the lab trained on a task, and looked at on several sets along the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from forescale.lab.config import Config


def exact(module: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Share of examples whose every target scores highest.

    Each target is told from the right ones before it; where all are right so, they are also
    right told one after the other.
    """
    import torch

    with torch.no_grad():
        right = module(inputs).argmax(-1) == targets
    return float(right.reshape(len(targets), -1).all(-1).float().mean())


def looked(
    config: Config, judged: Sequence[Mapping[str, Any]], *, batch: int, looks: Sequence[int]
) -> Iterator[tuple[int, tuple[float, ...]]]:
    """Steps and shares of exact answers, on each judged set, at every look.

    Args:
        config: What is trained on the batches of its task.
        judged: Settings of the task that change what validates, one mapping for each set.
        batch: Examples of a step.
        looks: Steps after which to look, rising; training ends at the last.
    """
    import torch

    from forescale.lab import inits, optimizers, tasks
    from forescale.lab._run import begun, criterion, rates

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    task = tasks.get(config.task)
    sets = [task.data(**{**config.task_settings, **j}) for j in judged]
    module, roles = begun(config, sets[0].io)
    stepper = optimizers.get(config.optimizer).over(
        module, roles, inits.get(config.init), **config.optimizer_settings
    )
    peak, factors = rates(config)
    loss = criterion(sets[0].loss)
    try:
        for step in range(looks[-1]):
            x, y = sets[0].batch(step, batch, config.seed)
            stepper.set_lr(peak * float(factors[step]))
            stepper.zero_grad()
            loss(module(x), y).backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            stepper.step()
            if step + 1 in looks:
                yield step + 1, tuple(exact(module, *s.validation) for s in sets)
    finally:
        torch.set_num_threads(threads)
