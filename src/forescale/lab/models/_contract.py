"""What a model is: a module for a task's inputs and outputs, its size set by one dial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forescale.errors import BadOption
from forescale.lab._io import IO, Setting, Tokens, Vectors

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Model:
    """A family of networks.

    The modules it builds hold `embeddings`, the names of the parameters that only look tokens
    up or score them, which counts of parameters often leave out; `residuals`, the names of the
    matrices that write to a residual stream, which inits may treat apart; and `kept`, the names
    of parameters whose start is part of the model (a state space's spectrum), which the module
    fills itself, the same every time, and inits leave alone. A scalar on a branch has a name
    that ends in "gate". A part whose kernels cannot be mapped over the members of an ensemble
    has an attribute `stacked`, False until an ensemble sets it, and is then content with formulas.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        source: The paper.
        takes: Kinds of inputs and outputs it can serve.
        shape: Depth, width and what else a size means, from the dial (1, 2, 3, ...).
        build: A module for some inputs and outputs from shape and settings, on the current
            default device, its parameters not yet filled.
        settings: Defaults of the settings.
        causal: With tokens, no place sees a later one, the source's apart; a model that is not
            can only serve tasks whose target is the last place's.
        reads_source: All places see the whole source, so it cannot serve tasks that give none.
    """

    name: str
    what: str
    source: str
    takes: tuple[type, ...]
    shape: Callable[[int], dict[str, int]]
    build: Callable[..., nn.Module]
    settings: Mapping[str, Setting] = field(default_factory=dict)
    causal: bool = True
    reads_source: bool = False

    def dimensions(self, size: int, settings: Mapping[str, Setting]) -> dict[str, Setting]:
        """Everything `build` needs: the shape of a size, with settings in place of parts of it.

        Raises:
            BadOption: If a setting is unknown or the size is not positive.
        """
        if size < 1:
            raise BadOption(f"size {size}", fix="give 1 or more")
        full = {**self.shape(size), **self.settings}
        if stray := set(settings) - set(full):
            raise BadOption(
                f"model '{self.name}' has no setting {', '.join(sorted(stray))}",
                fix=f"it has {', '.join(full)}",
            )
        return {**full, **settings}

    def make(self, io: IO, size: int, **settings: Setting) -> nn.Module:
        """The module for a size, its parameters as PyTorch's own layers fill them.

        Raises:
            BadOption: If it cannot serve such inputs and outputs, or a setting is unknown.
        """
        if not isinstance(io, self.takes):
            able = " or ".join(t.__name__.lower() for t in self.takes)
            raise BadOption(
                f"model '{self.name}' takes {able}, the task gives {type(io).__name__.lower()}",
                fix="choose another model",
            )
        if isinstance(io, Tokens) and io.targets == "all" and not self.causal:
            raise BadOption(
                f"model '{self.name}' sees the tokens that the task asks it to predict",
                fix="choose a causal model, or a task that asks for the last place's alone",
            )
        if isinstance(io, Tokens) and io.targets == "all" and self.reads_source and not io.source:
            raise BadOption(
                f"model '{self.name}' reads a source, and the task gives none",
                fix="choose another model, or a task with a source, such as transduction",
            )
        return self.build(io, **self.dimensions(size, settings))


@dataclass(frozen=True)
class Counts:
    """How large a module is and what it costs.

    Args:
        params: All parameters.
        params_nonembed: Without those that look tokens up or score them.
        flops: Training FLOPs for one unit of data (token or example), forward and backward,
            as the operations count them: every matrix product, attention scores included.
        flops_6n: The rule of thumb, 6 per parameter outside the embeddings' look-up.
    """

    params: int
    params_nonembed: int
    flops: float
    flops_6n: float


def counts(module: nn.Module, io: IO, per_example: int = 1) -> Counts:
    """Parameters and FLOPs of a module, counted by running it on tensors without data.

    Args:
        module: The module.
        io: Its inputs and outputs.
        per_example: Units of data in one example.
    """
    import copy

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    ghost = copy.deepcopy(module).to("meta")
    if isinstance(io, Tokens):
        x = torch.zeros((1, io.context), dtype=torch.long, device="meta")
    elif isinstance(io, Vectors):
        x = torch.zeros((1, io.inputs), device="meta")
    else:
        x = torch.zeros((1, io.channels, io.side, io.side), device="meta")
    with FlopCounterMode(display=False) as counter:
        ghost(x)
    total = sum(p.numel() for p in module.parameters())
    names = set(getattr(module, "embeddings", ()))
    embedding = sum(p.numel() for n, p in module.named_parameters() if n in names)
    looked_up = sum(m.weight.numel() for m in module.modules() if type(m) is torch.nn.Embedding)
    return Counts(
        params=total,
        params_nonembed=total - embedding,
        # A backward pass multiplies by the weights once more, and once by the activations.
        flops=3.0 * counter.get_total_flops() / per_example,
        flops_6n=6.0 * (total - looked_up),
    )
