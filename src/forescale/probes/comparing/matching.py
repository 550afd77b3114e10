"""The order of hidden units under which one model comes nearest another, by their weights.

Hidden units have no names: any order of them, with the weights that go in and come out, is the same
function. Two models trained apart can be averaged only after their units are lined up.

Source: Ainsworth, Hayase & Srinivasa 2023, "Git Re-Basin: Merging Models modulo Permutation
Symmetries", algorithm 1.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from forescale.errors import BadOption

#: Name of the units along each axis of each entry of a state dict; None where order has meaning.
Spec = Mapping[str, tuple[str | None, ...]]
SWEEPS = 100


def chain(model: nn.Module) -> dict[str, tuple[str | None, ...]]:
    """The spec of a model whose linear layers follow one another in the order of their names.

    What has one entry a unit between two of them (biases, batch and layer norm) goes with them.

    Args:
        model: Such as nn.Sequential(Linear, ReLU, Linear).

    Raises:
        BadOption: If it is not that.
    """
    linear = [n for n, m in model.named_modules() if isinstance(m, nn.Linear)]
    spec: dict[str, tuple[str | None, ...]] = {}
    units: str | None = None
    width: int | None = None
    for name, module in model.named_modules():
        dot = f"{name}." if name else ""
        if isinstance(module, nn.Linear):
            if width not in {None, module.in_features}:
                raise _not_a_chain(f"layer '{name}' takes {module.in_features}, not {width}")
            before, units = units, None if name == linear[-1] else name
            width = module.out_features
            spec[f"{dot}weight"] = (units, before)
            if module.bias is not None:
                spec[f"{dot}bias"] = (units,)
            continue
        own = {
            **dict(module.named_parameters(recurse=False)),
            **dict(module.named_buffers("", False)),
        }
        for key, value in own.items():
            if value.ndim > 1 or (value.ndim == 1 and value.shape[0] != width):
                raise _not_a_chain(f"'{dot}{key}' has shape {tuple(value.shape)}")
            spec[f"{dot}{key}"] = (units,) * value.ndim
    if not linear:
        raise _not_a_chain("it has no nn.Linear")
    return spec


def match(
    a: nn.Module, b: nn.Module, spec: Spec | None = None, *, seed: int = 0
) -> dict[str, Tensor]:
    """Orders of b's units that bring its weights nearest a's, by name of the units.

    One order at a time is the best for the others as they stand (a linear assignment), in random
    turn until none changes: a local optimum.

    Args:
        a: The model that stays.
        b: The one to be reordered.
        spec: What is reordered with what; of a chain of linear layers by default.
        seed: Seed of the turns.

    Returns:
        Indices, shape (units,) each: unit i of the reordered b is unit index[i] of b.

    Raises:
        BadOption: If the spec does not fit the models.
    """
    from scipy.optimize import linear_sum_assignment

    spec = chain(a) if spec is None else spec
    ours, theirs = _entries(a, spec), _entries(b, spec)
    sizes: dict[str, int] = {}
    for key, axes in spec.items():
        if ours[key].shape != theirs[key].shape or ours[key].ndim != len(axes):
            raise BadOption(
                f"'{key}' has shapes {tuple(ours[key].shape)} and {tuple(theirs[key].shape)} and "
                f"a spec of {len(axes)} axes",
                where="match",
                fix="give two models of one architecture, and a spec with each tensor's axes",
            )
        for units, size in zip(axes, ours[key].shape, strict=True):
            if units is not None and sizes.setdefault(units, size) != size:
                raise BadOption(
                    f"units '{units}' are {sizes[units]} in one place and {size} in '{key}'",
                    where="match",
                    fix="give units of one number one name",
                )
    orders = {units: torch.arange(size) for units, size in sizes.items()}
    names = sorted(orders)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(SWEEPS):
        changed = False
        for turn in torch.randperm(len(names), generator=generator).tolist():
            units = names[turn]
            alike = torch.zeros((sizes[units], sizes[units]), dtype=torch.float64)
            for key, axes in spec.items():
                for axis in [i for i, u in enumerate(axes) if u == units]:
                    rest = _ordered(theirs[key], axes, orders, leave=axis)
                    rows, others = (
                        v.movedim(axis, 0).reshape(sizes[units], -1) for v in (ours[key], rest)
                    )
                    alike += rows @ others.T
            best = torch.from_numpy(linear_sum_assignment(alike.numpy(), maximize=True)[1])
            every = torch.arange(len(best))
            # By more than rounding, or two equal orders would take turns for ever.
            gain = float((alike[every, best] - alike[every, orders[units]]).sum())
            if gain > 1e-12 * float(alike.abs().sum()):
                orders[units], changed = best, True
        if not changed:
            break
    return orders


def permuted(
    model: nn.Module, orders: Mapping[str, Tensor], spec: Spec | None = None
) -> dict[str, Tensor]:
    """The state dict of the same function with its units in another order.

    Args:
        model: The model.
        orders: Indices by name of the units, as `match` gives them.
        spec: What is reordered with what; of a chain of linear layers by default.
    """
    spec = chain(model) if spec is None else spec
    return {
        k: _ordered(v.detach(), spec.get(k, (None,) * v.ndim), orders).clone()
        for k, v in model.state_dict().items()
    }


def _entries(model: nn.Module, spec: Spec) -> dict[str, Tensor]:
    """What the spec speaks of, in double precision on the CPU, where the assignment is solved."""
    state = {**model.state_dict(), **dict(model.named_buffers())}
    missing = sorted(set(spec) - set(state))
    if missing:
        raise BadOption(
            f"the model has no '{missing[0]}'", where="match", fix="name what its state dict has"
        )
    return {k: state[k].detach().double().cpu() for k in spec}


def _ordered(
    value: Tensor,
    axes: tuple[str | None, ...],
    orders: Mapping[str, Tensor],
    leave: int | None = None,
) -> Tensor:
    for axis, units in enumerate(axes):
        if units is not None and axis != leave:
            value = value.index_select(axis, orders[units].to(value.device))
    return value


def _not_a_chain(why: str) -> BadOption:
    return BadOption(
        f"the model is no chain of linear layers: {why}",
        where="chain",
        fix="write the spec by hand: the units' name along each axis of each tensor",
    )
