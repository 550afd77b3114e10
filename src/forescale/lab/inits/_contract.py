"""What an init is: how parameters are filled, and how their learning rates change with width."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from forescale.lab._io import IO, Setting

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from forescale.lab.models import Model

Kind = Literal["input", "hidden", "output", "vector", "scalar"]
#: How an optimizer's step depends on the size of the gradient, which decides how rates transfer.
Family = Literal["gradient", "sign", "spectral"]


@dataclass(frozen=True)
class Role:
    """The part a parameter plays as its network widens.

    Args:
        kind: "input" if only its fan-out grows (embeddings too), "hidden" if both fans do,
            "output" if only its fan-in does, "vector" for biases and gains that grow,
            "scalar" for what does not.
        fan_in: Numbers that each of its outputs sums.
        fan_out: Outputs.
        wider: How many times the growing fan is that of the base width: fan-in for hidden
            and output, fan-out for input and vector.
        residual: It writes to a residual stream.
        depth: Matrices that write to the streams, over the whole network.
    """

    kind: Kind
    fan_in: int
    fan_out: int
    wider: float = 1.0
    residual: bool = False
    depth: int = 1


Roles = Mapping[str, Role]


@dataclass(frozen=True)
class Init:
    """A way to start, and with it a parametrisation.

    Args:
        name: The word users type; the file's name.
        what: One sentence.
        source: The paper.
        fill: Fills one parameter in place, from its name, role and a generator.
        scale: Factor on the learning rate of a parameter, for a family of optimizers.
        finish: What is done to the whole module afterwards, if anything.
    """

    name: str
    what: str
    source: str
    fill: Callable[[Tensor, str, Role, torch.Generator], None]
    scale: Callable[[Role, Family], float] = lambda role, family: 1.0
    finish: Callable[[nn.Module, torch.Generator], None] | None = None

    def apply(self, module: nn.Module, roles: Roles, *, seed: int) -> None:
        """Fill every parameter that the module does not keep, the same for the same seed."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        kept = set(getattr(module, "kept", ()))
        with torch.no_grad():
            for name, p in module.named_parameters():
                if name in kept:
                    continue
                # Filled on the CPU, so that a seed means the same on every device.
                host = torch.empty(p.shape)
                self.fill(host, name, roles[name], generator)
                p.copy_(host)
            if self.finish is not None:
                self.finish(module, generator)


def roles(model: Model, io: IO, size: int, settings: Mapping[str, Setting], base: int = 1) -> Roles:
    """Role of every parameter, read from how shapes change with width.

    Args:
        model: The family of networks.
        io: Inputs and outputs.
        size: The dial.
        settings: Settings of the model.
        base: Size whose width the learning rate was tuned at.
    """
    import torch

    full = model.dimensions(size, settings)
    with torch.device("meta"):
        here = model.build(io, **full)
        if "width" not in full:
            return {n: _role(p.shape, None, None, False) for n, p in here.named_parameters()}
        wide = dict(full, width=2 * int(full["width"]))
        if "heads" in full:
            wide["heads"] = 2 * int(full["heads"])
        twice = dict(model.build(io, **wide).named_parameters())
    ratio = float(full["width"]) / float(model.dimensions(base, {})["width"])
    embedded = {f"{n}.weight" for n, m in here.named_modules() if isinstance(m, torch.nn.Embedding)}
    writers = tuple(getattr(here, "residuals", ()))
    return {
        n: _role(
            p.shape, twice[n].shape, ratio, n in embedded, residual=n in writers, depth=len(writers)
        )
        for n, p in here.named_parameters()
    }


def _role(
    shape: torch.Size,
    twice: torch.Size | None,
    ratio: float | None,
    embedding: bool,
    *,
    residual: bool = False,
    depth: int = 0,
) -> Role:
    grows = [twice is not None and a != b for a, b in zip(shape, twice or shape, strict=True)]
    wider = ratio or 1.0
    if len(shape) < 2:
        n = shape[0] if shape else 1
        return Role("vector" if any(grows) else "scalar", 1, n, wider if any(grows) else 1.0)
    patch = 1
    for k in shape[2:]:
        patch *= k
    out_grows, in_grows = grows[0], grows[1]
    fan_out, fan_in = shape[0], shape[1] * patch
    if embedding:
        # A look-up is a product with one-hot vectors: its rows are outputs' vectors.
        out_grows, in_grows = in_grows, False
        fan_out, fan_in = shape[1], 1
    kind: Kind = (
        "hidden"
        if out_grows and in_grows
        else "output"
        if in_grows
        else "input"
        if out_grows
        else "scalar"
    )
    return Role(kind, fan_in, fan_out, wider if kind != "scalar" else 1.0, residual, max(depth, 1))
