"""Influence with eigenvalue-corrected Kronecker factors of linear layers.

A linear layer's gradient is s a', with a its input (and a 1 for the bias) and s the gradient in
its output. The block is taken to have the eigenvectors of E[a a'] and E[s s']; its eigenvalues are
the mean squares of gradients along them. Where the paper samples labels for s, the columns of the
roots of the loss's curvature in the outputs are gone through, which gives the expectation exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.probes._contract import Batch, Loss
from forescale.probes.influence import _outputs

#: Entries of one block of gradients.
ENTRIES = 2**23
#: Inputs, shape (n, places, d_in), and gradients in outputs, shape (n, places, d_out), of a layer.
Seen = dict[str, tuple[Tensor, Tensor]]


def scores(
    model: nn.Module, train: Batch, queries: Batch, loss: Loss, damping: float
) -> tuple[Tensor, float]:
    """Scores, shape (queries, examples), and what was added to the eigenvalues.

    Raises:
        BadOption: If a parameter that trains is of no linear layer.
    """
    layers = _linear(model)
    root = _outputs.roots(model, train, loss)
    bases = _bases(model, layers, train, root)
    sizes: dict[str, Tensor] = {}
    for seen in _passes(model, layers, train, root):
        for name, (a, s) in seen.items():
            for turned in _gradients(a, s, bases[name]):
                square = turned.square().sum(0).double() / len(train)
                sizes[name] = sizes[name] + square if name in sizes else square
    total = sum(float(v.sum()) for v in sizes.values())
    added = damping * total / sum(v.numel() for v in sizes.values())
    pulls = _watch(model, layers, train, _outputs.slopes(model, train, loss))
    asks = _watch(model, layers, queries, _outputs.slopes(model, queries, loss))
    found = torch.zeros(len(queries), len(train), dtype=torch.float64, device=root.device)
    for name, basis in bases.items():
        asked = torch.cat(list(_gradients(*asks[name], basis))).double()
        weighed = (asked / (sizes[name] + added)).flatten(1)
        pulled = [weighed @ g.double().flatten(1).T for g in _gradients(*pulls[name], basis)]
        found += torch.cat(pulled, dim=1)
    return found, added


def _linear(model: nn.Module) -> dict[str, nn.Linear]:
    """Linear layers that train, by name."""
    found = {
        n: m
        for n, m in model.named_modules()
        if isinstance(m, nn.Linear) and m.weight.requires_grad
    }
    held = {id(p) for m in found.values() for p in m.parameters()}
    others = [n for n, p in model.named_parameters() if p.requires_grad and id(p) not in held]
    if others:
        raise BadOption(
            f"{', '.join(others[:3])} trains and is of no linear layer",
            where="influence",
            fix="set requires_grad to False there to leave it out, or use method='exact'",
        )
    return found


def _bases(
    model: nn.Module, layers: dict[str, nn.Linear], train: Batch, root: Tensor
) -> dict[str, tuple[Tensor, Tensor]]:
    """Eigenvectors of the mean a a' and s s' of each layer."""
    ins: dict[str, Tensor] = {}
    outs: dict[str, Tensor] = {}
    for seen in _passes(model, layers, train, root):
        for name, (a, s) in seen.items():
            if name not in ins:
                ins[name] = _products(a)
            outs[name] = outs[name] + _products(s) if name in outs else _products(s)
    return {n: tuple(torch.linalg.eigh(m)[1].to(root) for m in (ins[n], outs[n])) for n in ins}


def _products(rows: Tensor) -> Tensor:
    flat = rows.flatten(0, 1).double()
    return flat.T @ flat


def _passes(
    model: nn.Module, layers: dict[str, nn.Linear], train: Batch, root: Tensor
) -> Iterator[Seen]:
    """What layers see for each column of the roots."""
    for column in root.unbind(2):
        yield _watch(model, layers, train, column)


def _watch(
    model: nn.Module, layers: dict[str, nn.Linear], batch: Batch, directions: Tensor
) -> Seen:
    """What layers see when outputs are pulled along directions, shape (n, k)."""
    taken: dict[str, Tensor] = {}
    given: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(module: nn.Linear, args: tuple[Any, ...], output: Tensor) -> None:
            if name in given:
                raise BadOption(
                    f"layer {name!r} is called twice", where="influence", fix="use method='exact'"
                )
            a = args[0].detach()
            if module.bias is not None:
                a = torch.cat([a, torch.ones_like(a[..., :1])], -1)
            taken[name], given[name] = a, output

        return hook

    handles = [m.register_forward_hook(watch(n)) for n, m in layers.items()]
    try:
        out = model(batch.inputs)
    finally:
        for handle in handles:
            handle.remove()
    pulled = torch.autograd.grad(
        (out * directions.to(out)).sum(), list(given.values()), materialize_grads=True
    )
    return {name: (_places(taken[name]), _places(s)) for name, s in zip(given, pulled, strict=True)}


def _places(x: Tensor) -> Tensor:
    """Shape (n, places, d)."""
    return x.reshape(len(x), -1, x.shape[-1])


def _gradients(a: Tensor, s: Tensor, basis: tuple[Tensor, Tensor]) -> Iterator[Tensor]:
    """Blocks of examples' gradients along the eigenvectors, shape (block, d_out, d_in)."""
    ins, outs = a @ basis[0], s @ basis[1]
    size = max(1, ENTRIES // (ins.shape[-1] * outs.shape[-1]))
    for one, other in zip(ins.split(size), outs.split(size), strict=True):
        yield torch.einsum("nti,nto->noi", one, other)
