"""Influence with the Gauss-Newton matrix written out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.probes._contract import Batch, Loss
from forescale.probes._kernels import _rows
from forescale.probes.influence import _outputs

#: Parameters whose matrix is 3.2 GB in double precision.
MOST = 20_000


def scores(
    model: nn.Module, train: Batch, queries: Batch, loss: Loss, damping: float
) -> tuple[Tensor, float]:
    """Scores, shape (queries, examples), and what was added to the eigenvalues.

    Raises:
        BadOption: If the network is too large.
    """
    count = sum(p.numel() for p in model.parameters() if p.requires_grad)
    if count > MOST:
        raise BadOption(
            f"the curvature of {count} parameters is not written out",
            where="influence",
            fix=f"use method='ekfac', or a network of at most {MOST}",
        )
    root = _outputs.roots(model, train, loss).double()
    slope = _outputs.slopes(model, train, loss).double()
    bent = root.new_zeros(count, count)
    pulls = root.new_zeros(len(train), count)
    parts = torch.zeros(root.shape[2], len(train), count, dtype=root.dtype, device=root.device)
    for output in range(root.shape[1]):
        rows = _rows(model, train.inputs, 64, output).double()
        pulls += slope[:, output, None] * rows
        parts += root[:, output].T[:, :, None] * rows
    for part in parts:
        bent.addmm_(part.T, part, alpha=1 / len(train))
    added = damping * float(bent.diagonal().mean())
    bent.diagonal().add_(added)
    asked = torch.zeros(len(queries), count, dtype=root.dtype, device=root.device)
    asks = _outputs.slopes(model, queries, loss).double()
    for output in range(asks.shape[1]):
        asked += asks[:, output, None] * _rows(model, queries.inputs, 64, output).double()
    return asked @ torch.linalg.solve(bent, pulls.T), added
