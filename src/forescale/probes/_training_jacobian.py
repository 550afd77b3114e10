"""How the end of a training run depends on its beginning: exact, for small models.

Forward mode through the loop: with every step of gradient descent the tangents of all initial
parameters go through the Hessian at that step. For P parameters a step costs P products, and P^2
numbers are held.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
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
        chunk: Tangents that go together; all of them by default.

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

    def end(flat: Tensor) -> Tensor:
        for batch in batches:

            def value(theta: Tensor, batch: Batch = batch) -> Tensor:
                assert batch.targets is not None
                return loss(functional_call(model, parted(theta), (batch.inputs,)), batch.targets)

            flat = flat - lr * grad(value)(flat)
        return flat

    def pushed(tangent: Tensor) -> Tensor:
        return jvp(end, (start,), (tangent,))[1]

    start = torch.cat([p.reshape(-1) for p in named.values()])
    # The fused kernels of attention have no second derivative.
    with untouched(model, mode="eval", seed=0), sdpa_kernel(SDPBackend.MATH):
        every = torch.eye(len(start), dtype=start.dtype, device=start.device)
        jacobian = vmap(pushed, out_dims=1, chunk_size=chunk)(every)
        return jacobian.detach(), end(start).detach()
