"""Queries and keys of every attention in a forward pass, wherever it is computed.

Watched are the two functions that attention goes through, not modules: torch's own
nn.MultiheadAttention calls one, models that write their attention out call the other. A model
that multiplies queries and keys itself is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

#: Scores held at once: 64 MiB in single precision.
ENTRIES = 2**24
#: The module that has no name is the model.
MODEL = "model"

_BUILT_IN = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


@dataclass(frozen=True, eq=False)
class Heads:
    """What the heads of one attention did.

    Args:
        layer: The innermost module that it was computed in.
        largest: Largest score that a softmax was given, by head, shape (h,).
        entropy: Mean entropy of a query's weights, by head, shape (h,), in nats.
    """

    layer: str
    largest: Tensor
    entropy: Tensor


class _Watch(TorchFunctionMode):
    """Calls `seen` with queries, keys and mask of each attention before it is computed."""

    def __init__(self, seen: Callable[..., None]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        given = kwargs or {}
        if func is F.scaled_dot_product_attention:
            self.seen(**_product(args, given))
        elif func is F.multi_head_attention_forward:
            self.seen(**_projected(args, given))
        return func(*args, **given)


def attention_of(model: nn.Module, inputs: Tensor) -> list[Heads]:
    """Every attention of one forward pass, in the order in which they are computed.

    Args:
        model: The model.
        inputs: What it is called with.
    """
    found: list[Heads] = []
    with _where(model) as inside, torch.no_grad():

        def seen(query: Tensor, key: Tensor, mask: Tensor | None, scale: float) -> None:
            found.append(Heads(inside[-1] or MODEL, *heads(query, key, mask, scale)))

        with _Watch(seen):
            model(inputs)
    return found


@contextmanager
def _where(model: nn.Module) -> Iterator[list[str]]:
    """Names of the modules that are being called, the innermost last."""
    inside = [""]

    def enter(name: str) -> Callable[..., None]:
        return lambda *_: inside.append(name)

    def leave(*_: Any) -> None:
        inside.pop()

    handles = []
    for name, module in model.named_modules():
        handles.append(module.register_forward_pre_hook(enter(name)))
        handles.append(module.register_forward_hook(leave))
    try:
        yield inside
    finally:
        for handle in handles:
            handle.remove()


def heads(query: Tensor, key: Tensor, mask: Tensor | None, scale: float) -> tuple[Tensor, Tensor]:
    """Largest score and mean entropy by head, each of shape (h,).

    A query that sees nothing has no entropy and is left out.

    Args:
        query: Shape (b, h, t, d).
        key: Shape (b, h, s, d).
        mask: What is added to the scores, minus infinity where a query does not see; broadcasts
            to (b, h, t, s).
        scale: Factor on the products.
    """
    b, h, t, _ = query.shape
    least = query.new_full((h,), -torch.inf, dtype=torch.float32)
    largest, total, count = least, torch.zeros_like(least), torch.zeros_like(least)
    size = max(1, ENTRIES // max(1, h * t * key.shape[-2]))
    for begin in range(0, b, size):
        part = slice(begin, begin + size)
        scores = query[part].float() @ key[part].float().transpose(-1, -2) * scale
        if mask is not None:
            scores = scores + (mask[part] if mask.shape[0] == b else mask)
        largest = torch.maximum(largest, scores.amax((0, 2, 3)))
        weights = torch.special.entr(scores.softmax(-1)).sum(-1)
        blind = (scores == -torch.inf).all(-1)
        total = total + weights.masked_fill(blind, 0.0).sum((0, 2))
        count = count + (~blind).sum((0, 2))
    return largest, total / count


def _product(args: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Queries, keys, mask and scale of F.scaled_dot_product_attention."""
    # A built-in function has no signature to bind to.
    told = {**dict(zip(_BUILT_IN, args, strict=False)), **given}
    query, key = _four(told["query"]), _four(told["key"])
    if key.shape[1] != query.shape[1]:
        # Groups of queries share a key.
        key = key.repeat_interleave(query.shape[1] // key.shape[1], 1)
    mask = told.get("attn_mask")
    if mask is not None:
        mask = _four(_added(mask, allows=True))
    elif told.get("is_causal"):
        mask = _causal(query, key)
    scale = told.get("scale")
    return {
        "query": query,
        "key": key,
        "mask": mask,
        "scale": query.shape[-1] ** -0.5 if scale is None else scale,
    }


def _projected(args: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Queries, keys, mask and scale of F.multi_head_attention_forward, which projects inside."""
    told = signature(F.multi_head_attention_forward).bind(*args, **given)
    told.apply_defaults()
    of = told.arguments
    if of["use_separate_proj_weight"]:
        weights = [of["q_proj_weight"], of["k_proj_weight"]]
    else:
        weights = list(of["in_proj_weight"].chunk(3)[:2])
    biases = [None, None] if of["in_proj_bias"] is None else of["in_proj_bias"].chunk(3)[:2]
    count = of["num_heads"]

    def project(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        # Places come first here; without a batch there is no second axis.
        rows = F.linear(x if x.ndim == 3 else x[:, None], weight, bias)
        return rows.unflatten(-1, (count, -1)).permute(1, 2, 0, 3)

    query, key = (
        project(of[name], weight, bias)
        for name, weight, bias in zip(("query", "key"), weights, biases, strict=True)
    )
    if of["bias_k"] is not None:
        last = of["bias_k"].view(1, 1, count, -1).transpose(1, 2)
        key = torch.cat([key, last.expand(len(key), -1, -1, -1)], 2)
    if of["add_zero_attn"]:
        key = torch.cat([key, key.new_zeros(*key.shape[:2], 1, key.shape[3])], 2)
    mask = None
    if of["attn_mask"] is not None:
        mask = _added(of["attn_mask"], allows=False)
        # One mask an example and head, or one for all.
        mask = mask.view(-1, count, *mask.shape[1:]) if mask.ndim == 3 else _four(mask)
    if of["key_padding_mask"] is not None:
        padding = _added(of["key_padding_mask"], allows=False)
        padding = padding.view(-1, 1, 1, padding.shape[-1])
        mask = padding if mask is None else mask + padding
    if mask is not None:
        # Keys that were added are seen by all.
        mask = F.pad(mask, (0, key.shape[2] - mask.shape[-1]))
    return {"query": query, "key": key, "mask": mask, "scale": query.shape[-1] ** -0.5}


def _four(x: Tensor) -> Tensor:
    """With leading axes so that there are four."""
    x = x.flatten(0, -4) if x.ndim > 4 else x
    return x[(None,) * (4 - x.ndim)]


def _added(mask: Tensor, *, allows: bool) -> Tensor:
    """A mask as what is added to scores; a boolean one says what is seen, or what is not."""
    if mask.dtype is not torch.bool:
        return mask.float()
    hidden = ~mask if allows else mask
    return torch.zeros(mask.shape, device=mask.device).masked_fill(hidden, -torch.inf)


def _causal(query: Tensor, key: Tensor) -> Tensor:
    """No place sees a later one; shape (1, 1, t, s)."""
    shape = (query.shape[-2], key.shape[-2])
    later = torch.ones(shape, dtype=torch.bool, device=query.device).triu(1)
    return _four(_added(later, allows=False))
