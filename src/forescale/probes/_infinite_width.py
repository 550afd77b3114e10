"""The kernels of ReLU networks without biases in the limit of infinite width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def relu_kernels(inputs: Tensor, gains: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Covariance of the outputs at the start, and the tangent kernel, each of shape (n, n).

    The network is that of `gains` linear layers with a ReLU between; layer l gives its input times
    standard normal weights times the root of gains[l] over its inputs.

    Args:
        inputs: Shape (n, d).
        gains: One a layer, 2 where variance is to be kept behind a ReLU.

    Returns:
        In double precision.

    Source: Cho & Saul 2009 (arc-cosine kernels); Jacot, Gabriel & Hongler 2018.
    """
    x = inputs.double()
    covariance = gains[0] * x @ x.T / x.shape[1]
    tangent = covariance
    for gain in gains[1:]:
        size = covariance.diagonal().clamp_min(0).sqrt()
        norms = size[:, None] * size
        cosine = torch.where(norms > 0, covariance / norms, torch.zeros_like(norms)).clamp(-1, 1)
        # The diagonal's cosine is one; rounding there would cost half of all digits in the angle.
        cosine.fill_diagonal_(1.0)
        angle = torch.arccos(cosine)
        slopes = (math.pi - angle) / (2 * math.pi)
        values = norms * ((1 - cosine**2).sqrt() / (2 * math.pi) + slopes * cosine)
        covariance = gain * values
        tangent = covariance + gain * slopes * tangent
    return covariance, tangent
