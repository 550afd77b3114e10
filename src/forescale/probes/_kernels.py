"""Empirical tangent kernels of a model, and how far two kernels are apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel


def pseudo_ntk(model: nn.Module, inputs: Tensor, *, block: int = 32) -> Tensor:
    """The kernel of the gradients of the sum of outputs over sqrt(outputs), shape (n, n).

    The model stands in evaluation mode: a kernel is of a function of one example at a time.

    Args:
        model: The model; parameters that do not train count as constants.
        inputs: Shape (n, ...).
        block: Examples differentiated at once.

    Returns:
        Double precision, positive semidefinite. For P parameters n P numbers are held meanwhile.

    Source: Mohamadi, Bae & Sutherland 2023.
    """
    return _gram(_rows(model, inputs, block, None))


def mean_ntk(model: nn.Module, inputs: Tensor, *, block: int = 32) -> Tensor:
    """The trace of the kernel's output by output blocks, over outputs; shape (n, n).

    As many passes as the model has outputs.

    Args:
        model: The model, in evaluation mode.
        inputs: Shape (n, ...).
        block: Examples differentiated at once.

    Source: Jacot, Gabriel & Hongler 2018, "Neural Tangent Kernel".
    """
    with torch.no_grad():
        outputs = int(model(inputs[:1]).numel())
    kernel = torch.zeros((len(inputs), len(inputs)), dtype=torch.float64, device=inputs.device)
    for output in range(outputs):
        kernel += _gram(_rows(model, inputs, block, output)) / outputs
    return kernel


def full_ntk(model: nn.Module, inputs: Tensor, *, block: int = 32) -> Tensor:
    """The kernel of every output at every example, shape (n k, n k), an example's outputs together.

    As many passes as the model has k outputs, and n k gradients held at once.

    Args:
        model: The model, in evaluation mode.
        inputs: Shape (n, ...).
        block: Examples differentiated at once.

    Source: Jacot, Gabriel & Hongler 2018, "Neural Tangent Kernel".
    """
    with torch.no_grad():
        outputs = int(model(inputs[:1]).numel())
    rows = [_rows(model, inputs, block, output) for output in range(outputs)]
    return _gram(torch.stack(rows, 1).flatten(0, 1))


def kernel_distance(before: Tensor, after: Tensor) -> float:
    """1 less the cosine of two kernels: 0 for the same up to a scale, 1 for nothing in common.

    Args:
        before: Shape (n, n).
        after: Shape (n, n), on the same examples.

    Returns:
        No unit; NaN if a kernel is 0.

    Source: Fort et al. 2020, "Deep learning versus kernel learning".
    """
    a, b = before.double(), after.double().to(before.device)
    return 1 - float((a * b).sum() / (a.norm() * b.norm()))


def alignment(kernel: Tensor, targets: Tensor) -> Tensor:
    """Cosine of a kernel and the targets' own, Y Y'; a scalar tensor, NaN if one is 0.

    Args:
        kernel: Shape (n, n).
        targets: Shape (n, k).

    Source: Cristianini et al. 2001; Cortes, Mohri & Rostamizadeh 2012 where both are centred.
    """
    return (targets * (kernel @ targets)).sum() / (kernel.norm() * (targets.T @ targets).norm())


def centred(kernel: Tensor) -> Tensor:
    """The kernel of features less their mean over the examples, shape (n, n)."""
    return kernel - kernel.mean(0) - kernel.mean(1)[:, None] + kernel.mean()


def _rows(model: nn.Module, inputs: Tensor, block: int, output: int | None) -> Tensor:
    """Gradients of each example's outputs, shape (n, P).

    Args:
        model: The model.
        inputs: Shape (n, ...).
        block: Examples at once.
        output: Which of the outputs; None for their sum over sqrt(outputs).
    """
    trained = {k: p for k, p in model.named_parameters() if p.requires_grad}
    loose = {k: p.detach() for k, p in trained.items()}

    def value(parameters: dict[str, Tensor], example: Tensor) -> Tensor:
        said = functional_call(model, parameters, (example[None],)).reshape(-1)
        return said.sum() / said.numel() ** 0.5 if output is None else said[output]

    many = vmap(grad(value), in_dims=(None, 0), randomness="different")
    first = next(iter(loose.values()))
    rows = first.new_empty((len(inputs), sum(p.numel() for p in loose.values())))
    for part, into in zip(inputs.split(block), rows.split(block), strict=True):
        try:
            # The fused kernels of attention have no rule for vmap.
            with sdpa_kernel(SDPBackend.MATH):
                found = many(loose, part)
        except RuntimeError:
            # What vmap cannot do (recurrent cells, branches on values) is done one by one; an
            # error of the model itself shows there again.
            for example, row in zip(part, into, strict=True):
                row.copy_(_slope(value(trained, example), list(trained.values())))
        else:
            torch.cat([g.detach().flatten(1) for g in found.values()], 1, out=into)
    return rows


def _gram(rows: Tensor) -> Tensor:
    """Products of all pairs of rows, in double precision and without a copy of them in it."""
    kernel = torch.zeros((len(rows), len(rows)), dtype=torch.float64, device=rows.device)
    for part in rows.split(2**16, dim=1):
        wide = part.double()
        kernel.addmm_(wide, wide.T)
    return kernel


def _slope(value: Tensor, parameters: list[Tensor]) -> Tensor:
    """The gradient of a value, as one vector."""
    found = torch.autograd.grad(value, parameters, materialize_grads=True)
    return torch.cat([g.flatten() for g in found])
