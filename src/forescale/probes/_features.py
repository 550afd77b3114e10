"""What a layer is given for each example: one forward pass, watched by hooks that are removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.probes import Sight


@dataclass(frozen=True, eq=False)
class Features:
    """The input of one layer.

    Args:
        layer: The layer's name in the model.
        module: The layer.
        values: One row an example, shape (n, d), in the model's precision, single at least.
    """

    layer: str
    module: nn.Module
    values: Tensor


def features(sight: Sight, layer: str | None = None, inputs: Tensor | None = None) -> Features:
    """The input of one layer, as `features_of` gives it.

    Args:
        sight: The model and the batch.
        layer: The layer's name; None for the nn.Linear that is called last, the head.
        inputs: Examples other than the batch's.
    """
    return features_of(sight, None if layer is None else (layer,), inputs)[0]


def features_of(
    sight: Sight, layers: Sequence[str] | None, inputs: Tensor | None = None
) -> list[Features]:
    """Inputs of layers in one forward pass, as `given_to` sees them, one row an example.

    Inputs of three axes are read as (example, position, feature): the last position is taken.
    Any other shape is flattened to one row an example.

    Args:
        sight: The model and the batch.
        layers: Names of modules; None for the nn.Linear that is called last.
        inputs: Examples other than the batch's.

    Raises:
        BadOption: If there is no such layer, the pass does not call it, or its rows are not
            the examples.
    """
    examples = len(sight.batch.inputs if inputs is None else inputs)
    seen = given_to(sight, layers, inputs)
    modules = dict(sight.model.named_modules())
    return [Features(n, modules[n], _rows(n, v, examples)) for n, v in seen.items()]


def given_to(
    sight: Sight, layers: Sequence[str] | None, inputs: Tensor | None = None
) -> dict[str, Tensor]:
    """What layers are given in one forward pass, as it is; of a layer called often, the last.

    Args:
        sight: The model and the batch.
        layers: Names of modules; None for the nn.Linear that is called last.
        inputs: Examples other than the batch's.

    Raises:
        BadOption: If there is no such layer, or the pass does not call it.
    """
    modules = dict(sight.model.named_modules())
    linear = [n for n, m in modules.items() if isinstance(m, nn.Linear)]
    for name in layers or ():
        if name not in modules:
            raise BadOption(
                f"the model has no layer {name!r}",
                where="layer",
                fix=f"its linear layers are {', '.join(linear) or 'none'}",
            )
    given = sight.batch.inputs if inputs is None else inputs
    seen: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            found = next((v for v in (*args, *kwargs.values()) if isinstance(v, Tensor)), None)
            if found is not None:
                if layers is None:
                    seen.clear()
                # Cloned: what follows may work in place on it.
                seen[name] = found.detach().clone()

        return hook

    handles = [
        modules[n].register_forward_pre_hook(watch(n), with_kwargs=True)
        for n in (linear if layers is None else layers)
    ]
    try:
        with torch.no_grad():
            sight.model(given)
    finally:
        for handle in handles:
            handle.remove()
    for name in layers or ():
        if name not in seen:
            raise BadOption(
                f"the forward pass does not call layer {name!r} with a tensor",
                where="layer",
                fix="name a layer that it calls",
            )
    if not seen:
        raise BadOption(
            "the forward pass calls no nn.Linear",
            where="layer",
            fix="name the module whose input is to be read",
        )
    return seen


def labels(sight: Sight) -> Tensor | None:
    """Class of each example, shape (n,); None where the targets are no classes."""
    targets = sight.batch.targets
    if targets is None or targets.is_floating_point() or targets.ndim != 1:
        return None
    return targets


def some(count: int, most: int, seed: int, device: torch.device) -> Tensor:
    """Indices of at most `most` of `count` examples, drawn without replacement, in order.

    Args:
        count: How many there are.
        most: How many are wanted at most.
        seed: Seed of the draw.
        device: Where the indices are wanted.

    Raises:
        BadOption: If fewer than one is wanted.
    """
    if most < 1:
        raise BadOption(f"cannot read on {most} points", where="points", fix="give 1 or more")
    if count <= most:
        return torch.arange(count, device=device)
    drawn = torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:most]
    return drawn.sort().values.to(device)


def _rows(name: str, seen: Tensor, examples: int) -> Tensor:
    if seen.ndim == 0 or seen.shape[0] != examples:
        shape = tuple(seen.shape)
        raise BadOption(
            f"layer {name!r} is given a tensor of shape {shape} for {examples} examples",
            where="layer",
            fix="name a layer whose input has one row an example",
        )
    return real(
        seen[:, -1] if seen.ndim == 3 else seen.flatten(1) if seen.ndim > 1 else seen[:, None]
    )


def real(values: Tensor) -> Tensor:
    """The values in single precision at least."""
    if values.dtype in {torch.float32, torch.float64}:
        return values
    return values.float() if values.is_floating_point() else values.double()
