"""What an optimizer is, to the trainer: something that steps groups of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forescale.errors import BadOption
from forescale.lab._io import Setting
from forescale.lab.inits import Family, Init, Role, Roles

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer as TorchOptimizer


@dataclass(frozen=True)
class Group:
    """Parameters that share a rate.

    Args:
        params: The parameters.
        roles: Their roles, in the same order.
        scale: Factor on the learning rate.
        decay: Whether weight decay applies: to matrices that are multiplied, not to look-ups,
            biases and gains.
    """

    params: list[nn.Parameter]
    roles: list[Role]
    scale: float
    decay: bool

    @property
    def matrices(self) -> bool:
        """Whether all are hidden matrices, which is what spectral optimizers are for."""
        pairs = zip(self.params, self.roles, strict=True)
        return all(r.kind == "hidden" and p.ndim == 2 for p, r in pairs)


@dataclass(frozen=True)
class Optimizer:
    """An optimizer.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        source: The paper.
        make: The PyTorch optimizers over some groups, at learning rate 1 times each group's
            scale, from the settings; several where one kind cannot serve all parameters.
        lr: A learning rate that trains a small network, to begin a search from.
        settings: Defaults of the settings.
        family: How its step depends on the gradient's size, for inits that scale rates.
        elementwise: The step of an entry depends on that entry's gradients alone, so that the
            members of an ensemble can be stepped as one.
        whole: It needs whole matrices, so that a run cannot shard them over processes.
    """

    name: str
    what: str
    source: str
    make: Callable[..., Sequence[TorchOptimizer]]
    lr: float
    settings: Mapping[str, Setting] = field(default_factory=dict)
    family: Family = "sign"
    elementwise: bool = False
    whole: bool = False

    def over(
        self, module: nn.Module, roles: Roles, init: Init, leading: int = 0, /, **settings: Setting
    ) -> Steppers:
        """The optimizer over a module's parameters, rates scaled as the init asks.

        Args:
            module: The module.
            roles: The role of each parameter.
            init: What scales rates.
            leading: Axes of each parameter before those that its role speaks of: 1 for a stack
                of members.
            settings: What is not at its default.

        Raises:
            BadOption: If a setting is unknown, or it cannot step a stack.
        """
        if leading and not self.elementwise:
            raise BadOption(
                f"optimizer '{self.name}' does not step entry by entry, so not many seeds at once",
                fix="train these runs one by one (together 1)",
            )
        if stray := set(settings) - set(self.settings):
            raise BadOption(
                f"optimizer '{self.name}' has no setting {', '.join(sorted(stray))}",
                fix=f"it has {', '.join(self.settings) or 'none'}",
            )
        found: dict[tuple[float, bool, bool], Group] = {}
        for name, p in module.named_parameters():
            role = roles[name]
            decay = p.ndim - leading >= 2 and role.kind != "input"
            matrix = role.kind == "hidden" and p.ndim - leading == 2
            family: Family = self.family
            if family == "spectral" and not matrix:
                # What is no hidden matrix is left to Adam.
                family = "sign"
            scale = init.scale(role, family)
            group = found.setdefault((scale, decay, matrix), Group([], [], scale, decay))
            group.params.append(p)
            group.roles.append(role)
        return Steppers(tuple(self.make(list(found.values()), **{**self.settings, **settings})))


@dataclass(frozen=True)
class Steppers:
    """One or several PyTorch optimizers that step as one."""

    parts: tuple[TorchOptimizer, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            for group in part.param_groups:
                group.setdefault("scale", group["lr"])

    def set_lr(self, lr: float) -> None:
        """Set the rate of every group to lr times its scale."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = lr * group["scale"]

    def step(self) -> None:
        """One step of all parts."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, object]]:
        """The states of the parts."""
        return [part.state_dict() for part in self.parts]

    def load_state_dict(self, states: Sequence[dict[str, object]]) -> None:
        """Take up the states of the parts."""
        for part, state in zip(self.parts, states, strict=True):
            part.load_state_dict(state)


def torch_groups(
    groups: Sequence[Group], weight_decay: float = 0.0, *, everywhere: bool = False
) -> list[dict[str, object]]:
    """Groups as PyTorch takes them, at learning rate 1.

    Args:
        groups: The groups.
        weight_decay: Decoupled decay of those that decay.
        everywhere: All of them decay.
    """
    return [
        {
            "params": g.params,
            "lr": g.scale,
            "scale": g.scale,
            # Decoupled decay is multiplied by the rate; a rate scaled down for width would
            # decay less, and the balance of weights would depend on width.
            "weight_decay": weight_decay / g.scale if g.decay or everywhere else 0.0,
        }
        for g in groups
    ]
