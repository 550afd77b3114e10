"""Many seeds of one small model trained at once, their weights stacked.

A small model leaves most of a GPU idle: what a step costs there is the number of kernels, and a
stack needs hardly more of them than one model does. On a CPU one process per core is faster.

The stack is differentiated from outside the map over members, not inside it: gradients of the
members' summed loss are each member's own, and the backward pass is PyTorch's usual one, with
nothing in it to be mapped.

Source: PyTorch's tutorial on model ensembling with `torch.func`; Horace He & Zou 2021,
"functorch: JAX-like composable function transforms for PyTorch".
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from forescale.errors import BadOption
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
from forescale.lab.rules import Criterion, Hooks


def train_together(
    configs: Sequence[Config],
    *,
    folder: Path | None = None,
    device: str = "cpu",
    compiled: bool = False,
    every: float = 60.0,
    weights: bool = False,
    say: Callable[[int, Row], None] | None = None,
) -> list[Run]:
    """Train runs that differ in the seed alone, resuming where a checkpoint of them is found.

    Every run has the rows that `trainer.train` would give it, to rounding: products of stacked
    matrices are summed in another order. Its `seconds` are its share of the whole. A run that
    diverges, or arrives at `until`, is over there, its numbers kept; the others go on.

    Args:
        configs: The runs.
        folder: Where their common checkpoint lies while they run; None for none. It is found
            again by the same runs in the same order, and by no others.
        device: PyTorch's name of the device.
        compiled: Compile the stack; slower to start, faster to run.
        every: Seconds between checkpoints.
        weights: Keep the weights that are judged at the end, in the folder, as KEY.safetensors.
        say: Called with the number of a run and each row of its curve.

    Raises:
        BadOption, UnknownName: If the runs differ in more than the seed, or cannot be trained
            as one, or a configuration names what is not there or does not fit.
    """
    began = time.monotonic()
    _alike(configs)
    config = configs[0]
    peak, factors = rates(config)
    data = tasks.get(config.task).data(**config.task_settings)
    check_fitting(config, data.io, data.loss)

    probed = [Probed(c, data, device) for c in configs]

    modules, (roles, *_) = zip(*(begun(c, data.io) for c in configs), strict=True)
    counted = models.counts(modules[0], data.io, data.per_example)
    stack = Stack([module.to(device) for module in modules])
    stepper = optimizers.get(config.optimizer).over(
        stack.whole, roles, inits.get(config.init), 1, **config.optimizer_settings
    )
    hooks = _hooks(config, stack)
    plain = criterion(data.loss)
    losses_of = _criterion(plain, hooks, len(configs))
    forward = torch.compile(stack.forward, dynamic=False) if compiled else stack.forward
    precision = autocast(device, config.dtype)
    marks = set(mark_steps(config.steps, config.marks))
    per_step = config.batch * data.per_example

    def measured(which: Sequence[int], part: Sequence[Tensor]) -> list[tuple[float, float | None]]:
        """Validation loss and accuracy of some members, as those of a run alone are taken."""
        with judged(stack.whole, hooks):
            return [evaluate(stack.members[m], part, data.loss, plain, [], device) for m in which]

    few = thinned(data.validation)
    path = folder / f"together-{_name(configs)}.pt" if folder is not None else None
    state = Checkpoint(path, stack.whole, stepper, hooks, every)
    start, kept, losses, spent = state.load(device)
    if not start:
        for hook in hooks:
            hook.begin(stack.whole)
    # A member whose run is over has its last validation beside its curve.
    kept = kept or [{"curve": [], "end": None} for _ in configs]
    going = [m for m, k in enumerate(kept) if k["end"] is None]
    for step in range(start, config.steps):
        x, y = (v.to(device, non_blocking=True) for v in _batch(data, step, configs, hooks))
        stepper.set_lr(peak * float(factors[step]))

        def gradient(x: Tensor = x, y: Tensor = y) -> Tensor:
            stepper.zero_grad()
            total = torch.zeros(len(configs), device=device)
            parts = zip(x.chunk(config.accumulate, 1), y.chunk(config.accumulate, 1), strict=True)
            for xs, ys in parts:
                with precision():
                    loss_m = losses_of(forward(xs), ys) / config.accumulate
                loss_m.sum().backward()
                total = total + loss_m.detach()
            return total

        losses.append(take_step(stack.whole, stepper, hooks, gradient))

        if step + 1 in marks:
            trained = torch.stack(losses).mean(0).tolist()
            losses.clear()
            lr = peak * float(factors[step])
            for m, (loss, accuracy) in zip(going, measured(going, few), strict=True):
                row = point(step + 1, per_step, counted, lr, loss, trained[m], accuracy)
                with judged(stack.whole, hooks):
                    row |= probed[m].row(stack.members[m]) if math.isfinite(loss) else {}
                kept[m]["curve"].append(row)
                if say is not None:
                    say(m, row)
            over = [m for m in going if is_over(config, kept[m]["curve"])]
            for m, end in zip(over, measured(over, data.validation), strict=True):
                kept[m]["end"] = end
            going = [m for m in going if m not in over]
            if not going:
                break
        state.save(step + 1, kept, losses, spent + time.monotonic() - began)
    for m, end in zip(going, measured(going, data.validation), strict=True):
        kept[m]["end"] = end
    share = (spent + time.monotonic() - began) / len(configs)
    if weights and folder is not None:
        with judged(stack.whole, hooks):
            for c, member in zip(configs, stack.members, strict=True):
                keep_weights(folder / f"{c.key}.safetensors", member)
    state.forget()
    runs = []
    for c, k in zip(configs, kept, strict=True):
        loss, accuracy = k["end"]
        runs.append(ended(c, data, counted, k["curve"], loss, accuracy, share, device))
    return runs


class Stack:
    """Modules of one shape as one.

    Args:
        modules: The modules, on one device. They become the members.

    Attributes:
        whole: A module whose parameters and buffers have the members as their first axis, under
            the members' own names; what steps, clips and saves works on it. It is not called.
        members: The modules, whose tensors are from now on views of those.
    """

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self.members = list(modules)
        self.whole = copy.deepcopy(modules[0])
        # What is called: a module without data, told that it is mapped.
        self._form = copy.deepcopy(modules[0]).to("meta")
        for part in self._form.modules():
            if hasattr(part, "stacked"):
                part.stacked = True
        params, buffers = stack_module_state(self.members)
        self.params = dict(self.whole.named_parameters())
        self.buffers = dict(self.whole.named_buffers())
        for name, tensor in {**self.params, **self.buffers}.items():
            tensor.data = (params if name in params else buffers)[name].detach()
        for m, member in enumerate(self.members):
            for name, tensor in (*member.named_parameters(), *member.named_buffers()):
                whole = self.params if name in self.params else self.buffers
                tensor.data = whole[name].data[m]

    def forward(self, x: Tensor) -> Tensor:
        """What each member makes of its own inputs; the first axis of both is the members'."""

        def one(params: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Any:
            return functional_call(self._form, (params, buffers), (x,))

        scores: Tensor = vmap(one)(self.params, self.buffers, x)
        return scores

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The members' gradients in place: views of the stack's, so that changes count."""
        for m, member in enumerate(self.members):
            for p, whole in zip(member.parameters(), self.whole.parameters(), strict=True):
                p.grad = None if whole.grad is None else whole.grad[m]
        try:
            yield
        finally:
            for member in self.members:
                member.zero_grad(set_to_none=True)


class _Each(Hooks):
    """Hooks of each member on its own module, as one."""

    def __init__(self, parts: Sequence[Hooks], stack: Stack) -> None:
        self.parts, self.stack = parts, stack
        self.moved: list[bool] = []

    def _pairs(self) -> list[tuple[Hooks, nn.Module]]:
        return list(zip(self.parts, self.stack.members, strict=True))

    def begin(self, module: nn.Module) -> None:
        """Change each member's first weights."""
        for hooks, member in self._pairs():
            hooks.begin(member)

    def twice(self, module: nn.Module) -> bool:
        """Whether any member wants a second gradient; where one does not, it gets the first."""
        with self.stack.lent():
            self.moved = [hooks.twice(member) for hooks, member in self._pairs()]
        return any(self.moved)

    def back(self, module: nn.Module) -> None:
        """Undo what `twice` did to those that it moved."""
        with self.stack.lent():
            for (hooks, member), moved in zip(self._pairs(), self.moved, strict=True):
                if moved:
                    hooks.back(member)

    def gradients(self, module: nn.Module) -> None:
        """Change each member's gradients."""
        with self.stack.lent():
            for hooks, member in self._pairs():
                hooks.gradients(member)

    def after(self, module: nn.Module) -> None:
        """Look at each member's weights, or change them."""
        with self.stack.lent():
            for hooks, member in self._pairs():
                hooks.after(member)

    @contextmanager
    def evaluating(self, module: nn.Module) -> Iterator[None]:
        """Put each member's weights in place that are to be judged."""
        with contextlib.ExitStack() as entered:
            for hooks, member in self._pairs():
                entered.enter_context(hooks.evaluating(member))
            yield

    def state_dict(self) -> dict[str, Any]:
        """The states of all."""
        return {"parts": [hooks.state_dict() for hooks in self.parts]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up the states of all."""
        for hooks, part in zip(self.parts, state["parts"], strict=True):
            hooks.load_state_dict(part)


def _hooks(config: Config, stack: Stack) -> list[Hooks]:
    """The rules' hooks over a stack, in their order.

    Raises:
        BadOption: If a rule does not serve stacks, or a setting is unknown.
    """
    out: list[Hooks] = []
    for name in ordered(config):
        rule, settings = rules.get(name), config.rules[name]
        if rule.ensemble is None:
            raise BadOption(
                f"rule '{name}' does not serve many seeds at once",
                fix="train these runs one by one (together 1)",
            )
        if rule.ensemble == "each":
            out.append(_Each([rule.hooks(**settings) for _ in stack.members], stack))
        else:
            hooks = rule.hooks(**settings)
            hooks.stacked = True
            out.append(hooks)
    return out


def _of(hooks: Sequence[Hooks], m: int) -> list[Hooks]:
    """The hooks that serve one member."""
    return [h.parts[m] if isinstance(h, _Each) else h for h in hooks]


def _criterion(plain: Criterion, hooks: Sequence[Hooks], n: int) -> Criterion:
    """Scores and targets of all members -> each one's loss, shape (members,)."""
    wrapped = []
    for m in range(n):
        loss = plain
        for hook in _of(hooks, m):
            loss = hook.criterion(loss)
        wrapped.append(loss)
    if not any(isinstance(h, _Each) for h in hooks):
        mapped: Criterion = vmap(wrapped[0])
        return mapped
    return lambda scores, targets: torch.stack(
        [loss(s, t) for loss, s, t in zip(wrapped, scores, targets, strict=True)]
    )


def _batch(
    data: tasks.Data, step: int, configs: Sequence[Config], hooks: Sequence[Hooks]
) -> tuple[Tensor, Tensor]:
    """Inputs and targets of a step, each member's in its own order; members first."""
    made = []
    for m, c in enumerate(configs):
        x, y = data.batch(step, c.batch, c.seed)
        generator = drawn(c, step)
        for hook in _of(hooks, m):
            x, y = hook.inputs(x, y, generator)
        made.append((x, y))
    xs, ys = zip(*made, strict=True)
    return torch.stack(xs), torch.stack(ys)


def _alike(configs: Sequence[Config]) -> None:
    """Refuse runs that are no ensemble."""
    if len({c.seedless for c in configs}) != 1:
        raise BadOption(
            f"{len(configs)} runs are not alike but for the seed", fix="train them one by one"
        )
    if len({c.seed for c in configs}) != len(configs):
        raise BadOption("two runs have the same seed", fix="give every run a seed of its own")


def _name(configs: Sequence[Config]) -> str:
    return hashlib.sha256(" ".join(c.key for c in configs).encode()).hexdigest()[:16]
