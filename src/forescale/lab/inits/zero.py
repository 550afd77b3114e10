"""Identities and Hadamard matrices alone: no randomness at all.

A matrix that keeps or lowers the dimension is an identity, as far as it goes; one that raises
it is cut from a Hadamard matrix, since an identity padded with zeros would leave the rank where
it was (their Lemma 1). What writes to a residual stream starts at zero. Of a convolution the
middle tap is filled. Two choices are ours, for token models, which the paper does not treat:
the scale of the Hadamard part is that of the authors' code, 2^(-m/2), and an embedding takes
the columns of the Hadamard matrix whose number has the fewest bits, so that even few of them
tell the tokens apart.

Source: Zhao, Schaefer & Anandkumar 2022, "ZerO Initialization: Initializing Neural Networks
with only Zeros and Ones".
"""

from __future__ import annotations

import torch
from torch import Tensor

from forescale.lab.inits import standard
from forescale.lab.inits._contract import Init, Role


def hadamard(m: int) -> Tensor:
    """Sylvester's matrix of side 2^m, entries +1 and -1."""
    h = torch.ones(1, 1)
    for _ in range(m):
        h = torch.cat([torch.cat([h, h], 1), torch.cat([h, -h], 1)])
    return h


def fill(p: Tensor, name: str, role: Role, generator: torch.Generator) -> None:
    """Zeros, an identity or a part of a Hadamard matrix; biases and gains as `standard`."""
    if p.ndim < 2:
        standard.fill(p, name, role, generator)
        return
    p.zero_()
    if role.residual:
        return
    taps = p.flatten(2) if p.ndim > 2 else p[:, :, None]
    middle = taps[:, :, taps.shape[2] // 2]
    rows, columns = middle.shape
    if role.kind == "input" and role.fan_in == 1:
        middle.copy_(_embedding(rows, columns))
    elif rows <= columns:
        middle.copy_(torch.eye(rows, columns))
    else:
        m = (rows - 1).bit_length()
        middle.copy_(hadamard(m)[:rows, :columns] * 2.0 ** (-m / 2))


def _embedding(tokens: int, width: int) -> Tensor:
    m = (max(tokens, width) - 1).bit_length()
    fewest = sorted(range(2**m), key=lambda k: (k.bit_count(), k))[:width]
    return hadamard(m)[:tokens, fewest]


INIT = Init(
    name="zero",
    what="Identities and Hadamard matrices alone (ZerO): no randomness.",
    source="Zhao, Schaefer & Anandkumar 2022, ZerO Initialization: Initializing Neural Networks "
    "with only Zeros and Ones",
    fill=fill,
)
