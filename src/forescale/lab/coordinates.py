"""Sizes of activations after a few steps, at several widths: does a parametrisation hold?

Under maximal update parametrisation no activation grows or shrinks with the width, however long
one trains; under the standard one the hidden and output layers' grow, so that the best learning
rate moves. The table is what their figure 5 draws: mean size against width, a line per layer.

Source: Yang et al. 2022, "Tensor Programs V: Tuning Large Neural Networks via Zero-Shot
Hyperparameter Transfer", appendix D.1, "coordinate checking".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forescale.lab import inits, models, optimizers, tasks
from forescale.lab._io import Setting
from forescale.lab._run import criterion

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Coordinate:
    """Size of one layer's outputs in one network after some steps.

    Args:
        layer: Name of the matrix whose output it is.
        kind: Its role: "input", "hidden", "output" or "scalar".
        width: Width of the network.
        step: Optimizer steps taken; 0 at the start.
        size: Mean of the absolute values, averaged over the seeds.
        moved: Mean absolute difference from step 0, on the same inputs.
    """

    layer: str
    kind: str
    width: int
    step: int
    size: float
    moved: float


def coordinate_check(
    model: str,
    task: str,
    init: str,
    optimizer: str = "adamw",
    *,
    widths: Sequence[int] = (32, 64, 128, 256),
    steps: int = 3,
    lr: float | None = None,
    batch: int = 16,
    seeds: int = 1,
    model_settings: Mapping[str, Setting] | None = None,
    task_settings: Mapping[str, Setting] | None = None,
    optimizer_settings: Mapping[str, Setting] | None = None,
) -> tuple[Coordinate, ...]:
    """Sizes of all layers' outputs while networks of several widths train on one batch.

    Args:
        model: Name of a model with a width.
        task: Name of a task.
        init: Name of an init.
        optimizer: Name of an optimizer.
        widths: Widths; depth and the heads' width stay as they are at the first.
        steps: Optimizer steps.
        lr: Learning rate at the model's smallest size; None for the optimizer's own.
        batch: Examples, the same at every step.
        seeds: Starts to average over.
        model_settings: What of the model is not at its default.
        task_settings: The same of the task.
        optimizer_settings: The same of the optimizer.

    Returns:
        A row per layer, width and step.
    """
    data = tasks.get(task).data(**(task_settings or {}))
    family, start, stepping = models.get(model), inits.get(init), optimizers.get(optimizer)
    loss = criterion(data.loss)
    rate = stepping.lr if lr is None else lr
    found: dict[tuple[str, str, int, int], list[tuple[float, float]]] = {}
    shape = family.shape(1)
    for width in widths:
        settings: dict[str, Setting] = {**(model_settings or {}), "width": width}
        if "heads" in shape:
            settings["heads"] = max(1, width * shape["heads"] // shape["width"])
        for seed in range(seeds):
            module = family.make(data.io, 1, **settings)
            roles = inits.roles(family, data.io, 1, settings)
            start.apply(module, roles, seed=seed)
            stepper = stepping.over(module, roles, start, **(optimizer_settings or {}))
            stepper.set_lr(rate)
            x, y = data.batch(0, batch, seed)
            first: dict[str, Tensor] = {}
            for step in range(steps + 1):
                seen: dict[str, Tensor] = {}
                hooks = [
                    layer.register_forward_hook(_keeping(seen, name))
                    for name, layer in _layers(module)
                ]
                value = loss(module(x), y)
                for hook in hooks:
                    hook.remove()
                first = first or seen
                for name, output in seen.items():
                    kind = roles[f"{name}.weight"].kind
                    sizes = float(output.abs().mean()), float((output - first[name]).abs().mean())
                    found.setdefault((name, kind, width, step), []).append(sizes)
                stepper.zero_grad()
                value.backward()
                stepper.step()
    return tuple(
        Coordinate(*key, *(float(v) for v in np.mean(sizes, axis=0)))
        for key, sizes in found.items()
    )


def slopes(table: Sequence[Coordinate], *, step: int, moved: bool = False) -> dict[str, float]:
    """Slope of log size against log width after a step, by layer; NaN where a size is zero.

    Args:
        table: What `coordinate_check` gave.
        step: The step.
        moved: Of the change since the start, instead of the size.
    """
    out = {}
    for layer in dict.fromkeys(row.layer for row in table):
        rows = [row for row in table if row.layer == layer and row.step == step]
        sizes = [row.moved if moved else row.size for row in rows]
        widths = np.log([row.width for row in rows])
        positive = all(size > 0 for size in sizes)
        out[layer] = float(np.polyfit(widths, np.log(sizes), 1)[0]) if positive else math.nan
    return out


def _layers(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(n, m) for n, m in module.named_modules() if getattr(m, "weight", None) is not None]


def _keeping(into: dict[str, Tensor], name: str) -> Callable[..., None]:
    def keep(layer: Any, inputs: Any, output: Tensor) -> None:
        into[name] = output.detach()

    return keep
