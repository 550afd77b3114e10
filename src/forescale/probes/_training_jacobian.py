"""How the end of a training run depends on its beginning: exact, for small models.

A step of gradient descent takes the tangents of all initial parameters through the identity less
the learning rate times the Hessian there. For P parameters that costs P products with it, and P^2
numbers are held.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jacrev
from torch.nn.attention import SDPBackend, sdpa_kernel

from forescale.errors import BadOption
from forescale.probes import Batch
from forescale.probes._contract import Loss
from forescale.probes._read import untouched


def training_jacobian(
    model: nn.Module, batches: Sequence[Batch], loss: Loss, lr: float, *, chunk: int | None = None
) -> tuple[Tensor, Tensor]:
    """Derivatives of the trained parameters by the initial ones, and the trained parameters.

    Training is plain gradient descent from where the model stands, which it still does after.

    Args:
        model: The model, read in evaluation mode; parameters that do not train are constants.
        batches: The batch of each step, with targets.
        loss: Mean loss of outputs and targets.
        lr: Learning rate.
        chunk: Rows of the Hessian that are found together; all of them by default.

    Returns:
        Shapes (P, P), row by column the derivative of one by the other, and (P,), in the order of
        `model.named_parameters()`.

    Raises:
        BadOption: If nothing trains, or a batch has no targets.

    Source: Belrose & Scherlis 2024, "Understanding Gradient Descent through the Training
    Jacobian".
    """
    named = {k: p.detach() for k, p in model.named_parameters() if p.requires_grad}
    if not named:
        raise BadOption(
            "no parameter of the model trains", where="training_jacobian", fix="set requires_grad"
        )
    if any(b.targets is None for b in batches):
        raise BadOption(
            "a batch has no targets", where="training_jacobian", fix="give inputs and targets"
        )
    sizes = [p.numel() for p in named.values()]

    def parted(flat: Tensor) -> dict[str, Tensor]:
        parts = zip(named.items(), flat.split(sizes), strict=True)
        return {k: part.view_as(p) for (k, p), part in parts}

    flat = torch.cat([p.reshape(-1) for p in named.values()])
    jacobian = torch.eye(len(flat), dtype=flat.dtype, device=flat.device)
    # The fused kernels of attention have no second derivative.
    with untouched(model, mode="eval", seed=0), sdpa_kernel(SDPBackend.MATH):
        for batch in batches:

            def value(theta: Tensor, batch: Batch = batch) -> Tensor:
                assert batch.targets is not None
                return loss(functional_call(model, parted(theta), (batch.inputs,)), batch.targets)

            slope = grad(value)
            hessian = jacrev(slope, chunk_size=chunk)(flat).detach()
            jacobian = jacobian - lr * hessian @ jacobian
            flat = (flat - lr * slope(flat)).detach()
    return jacobian, flat
