"""How far the largest activation of each block stands out from the others.

Sources: Sun et al. 2024, "Massive Activations in Large Language Models" (above 100 and above
1000 times the median); Gallego-Feliciano et al. 2025, "Hidden Dynamics of Massive Activations in
Transformer Training" (the ratio to the median, at any size of model).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight

#: What Sun et al. call massive: an activation above the first, and above the second medians.
HIGH, MEDIANS = 100.0, 1000.0


def run(sight: Sight) -> Mapping[str, float]:
    """Ratio of the largest to the median size, by block; averaged over examples.

    NaN where half of an example's activations are 0, as behind a ReLU.

    Settings:
        layers: Names of modules whose outputs are read; None for the members of the model's
            lists of blocks (nn.ModuleList), or, where it has none, for every nn.Linear.
    """
    found = outputs(sight)
    rows = torch.stack([sizes(h) for h in found.values()]).tolist()
    names = ("ratio", "largest", "massive", "one_place")
    return {
        f"{name}/{layer}": value
        for layer, row in zip(found, rows, strict=True)
        for name, value in zip(names, row, strict=True)
    }


def sizes(values: Tensor) -> Tensor:
    """Ratio, largest size, massive activations an example, and share at one place; shape (4,).

    Args:
        values: Activations, shape (n, ..., d).
    """
    d = values.shape[-1]
    size = values.detach().flatten(1).abs().double()
    largest, at = size.max(1)
    median = size.median(1).values
    ratio = torch.where(median > 0, largest / median, torch.nan)
    massive = (size > HIGH) & (size > MEDIANS * median[:, None])
    # In language models the largest stand in few features, the same in every text.
    place = torch.bincount(at % d, minlength=d).max() / len(size)
    # A run that has diverged has no largest.
    sound = size.isfinite().all()
    numbers = torch.stack([ratio.mean(), largest.max(), massive.sum(1).double().mean(), place])
    return torch.where(sound, numbers, torch.nan)


def blocks(model: nn.Module) -> list[str]:
    """Names of the blocks: members of the outermost lists, or every nn.Linear."""
    lists = [n for n, m in model.named_modules() if isinstance(m, nn.ModuleList)]
    outer = [n for n in lists if not any(n.startswith(f"{o}.") for o in lists)]
    listed = [
        f"{n}.{i}" if n else i for n in outer for i, _ in model.get_submodule(n).named_children()
    ]
    return listed or [n for n, m in model.named_modules() if isinstance(m, nn.Linear)]


def outputs(sight: Sight) -> dict[str, Tensor]:
    """Outputs of the layers asked for in one forward pass; of one called often, the last.

    Raises:
        BadOption: If there is no such layer, or none gives a tensor with a row an example.
    """
    asked = sight.settings["layers"]
    if isinstance(asked, str):
        raise BadOption(
            f"layers = {asked!r} is no list of names", where="layers", fix='as in layers=("0", "4")'
        )
    modules = dict(sight.model.named_modules())
    chosen = blocks(sight.model) if asked is None else list(asked)
    if lacking := [n for n in chosen if n not in modules]:
        raise BadOption(
            f"the model has no layer {lacking[0]!r}",
            where="layers",
            fix=f"it has {', '.join(list(modules)[1:9])} and so on",
        )
    seen: dict[str, Tensor] = {}
    examples = len(sight.batch)

    def watch(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _given: Any, made: Any) -> None:
            first = made[0] if isinstance(made, tuple | list) and made else made
            if isinstance(first, Tensor) and first.ndim > 1 and len(first) == examples:
                # Cloned: what follows may work in place on it.
                seen[name] = first.detach().clone()

        return hook

    handles = [modules[n].register_forward_hook(watch(n)) for n in chosen]
    try:
        with torch.no_grad():
            sight.model(sight.batch.inputs)
    finally:
        for handle in handles:
            handle.remove()
    if not seen or (asked is not None and len(seen) < len(set(chosen))):
        silent = [n for n in chosen if n not in seen]
        raise BadOption(
            f"no row an example comes from {', '.join(silent) or 'any layer'}",
            where="layers",
            fix="name modules that the forward pass calls and whose output has one",
        )
    return seen


PROBE = Probe(
    name="massive_activations",
    what="How far the largest activation of each block stands out from the others.",
    measures=(
        Measure("ratio/*", "1", "largest over median size in an example, mean over examples"),
        Measure("largest/*", "1", "largest size, in units of the activations"),
        Measure("massive/*", "1", "activations an example above 100 and above 1000 medians"),
        Measure("one_place/*", "1", "share of examples whose largest stands in one same feature"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Sun et al. 2024",
    settings={"layers": None},
)
