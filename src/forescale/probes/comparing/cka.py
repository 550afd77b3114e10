"""How alike two representations of the same examples are, up to rotation and scale."""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.errors import BadOption


def linear_cka(one: Tensor, other: Tensor) -> float:
    """Centred kernel alignment of two sets of features: 0 for nothing in common, 1 for the same.

    Args:
        one: Features of the examples, shape (n, d).
        other: Features of the same examples, shape (n, e).

    Returns:
        No unit; NaN where one set does not vary.

    Raises:
        BadOption: If the two do not have one row for each example.

    Source: Kornblith et al. 2019, "Similarity of Neural Network Representations Revisited".
    """
    if one.ndim != 2 or other.ndim != 2 or len(one) != len(other):
        raise BadOption(
            f"features of shapes {tuple(one.shape)} and {tuple(other.shape)} cannot be compared",
            where="linear_cka",
            fix="give two matrices with one row for each of the same examples",
        )
    with torch.no_grad():
        x = one.double() - one.double().mean(0)
        y = (other.double() - other.double().mean(0)).to(x.device)
        if x.shape[1] + y.shape[1] > 2 * len(x):
            # As many as there are examples: the kernels are smaller than the covariances.
            k, m = x @ x.T, y @ y.T
            return float((k * m).sum() / (k.norm() * m.norm()))
        return float((x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm()))
