"""Causal linear attention: sums of key-value products in place of the softmax.

Inside a chunk of places the sums are a masked matrix product, between chunks a running state,
so time grows with the length and not its square. Positions are rotary in the numerator alone,
as Su et al. propose, so that the denominator stays positive.

Source: Katharopoulos et al. 2020, "Transformers are RNNs: Fast Autoregressive Transformers with
Linear Attention"; Su et al. 2021, "RoFormer", equation 19, for the positions; Hua et al. 2022,
"Transformer Quality in Linear Time", for the chunks.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.models import _decoder
from forescale.lab.models._contract import Model
from forescale.lab.models._decoder import Rotary, check_heads, shape, turn


class Block(_decoder.Block):
    """Linear attention, then the MLP."""

    def __init__(self, width: int, heads: int, chunk: int, gated: bool) -> None:
        super().__init__(width, gated, qkv=nn.Linear(width, 3 * width, bias=False))
        self.heads, self.chunk = heads, chunk

    def mix(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """Heads' means of values, weighted by the product of positive queries and keys."""
        b, t, d = x_btd.shape
        qkv = self.qkv(x_btd).view(b, t, 3, self.heads, d // self.heads)
        both = F.elu(qkv[:, :, :2]) + 1.0
        turned = turn(both, *places)
        q_bhtk, k_bhtk = both.transpose(1, 3).unbind(2)
        above = sums(
            turned[:, :, 0].transpose(1, 2),
            turned[:, :, 1].transpose(1, 2),
            qkv[:, :, 2].transpose(1, 2),
            self.chunk,
        )
        below = (q_bhtk * k_bhtk.cumsum(2)).sum(-1, keepdim=True)
        return (above / below).transpose(1, 2).reshape(b, t, d)


def sums(q_bhtk: Tensor, k_bhtk: Tensor, v_bhtv: Tensor, chunk: int) -> Tensor:
    """Sum over s <= t of (q_t . k_s) v_s, shape (b, h, t, v).

    Args:
        q_bhtk: Queries.
        k_bhtk: Keys.
        v_bhtv: Values.
        chunk: Places whose pairs are computed; their past is a sum.
    """
    b, h, t, _ = q_bhtk.shape
    short = -t % chunk
    # Places added at the end are later than all, and nobody looks at them.
    q, k, v = (
        F.pad(x, (0, 0, 0, short)).reshape(b, h, -1, chunk, x.shape[-1])
        for x in (q_bhtk, k_bhtk, v_bhtv)
    )
    inside = (q @ k.transpose(-1, -2)).tril() @ v
    states = k.transpose(-1, -2) @ v
    before = states.cumsum(2) - states
    return (inside + q @ before).reshape(b, h, t + short, -1)[:, :, :t]


def build(io: Tokens, *, depth: int, width: int, heads: int, chunk: int, gated: bool) -> Rotary:
    """A decoder with linear attention.

    Args:
        io: Its inputs and outputs.
        depth: Blocks.
        width: Width of the stream.
        heads: Heads of attention.
        chunk: Places treated together: a matter of speed alone.
        gated: Multiply each branch by a scalar, which inits such as `rezero` start at zero.

    Raises:
        BadOption: If the heads do not divide the width into even parts, or a chunk is empty.
    """
    check_heads(width, heads)
    if chunk < 1:
        raise BadOption(f"chunk is {chunk}", fix="give 1 or more")
    blocks = (Block(width, heads, min(chunk, io.context), gated) for _ in range(depth))
    return Rotary(io, width, heads, blocks)


MODEL = Model(
    name="linear_attention",
    what="Decoder with causal linear attention, computed in chunks.",
    source="Katharopoulos et al. 2020, Transformers are RNNs: Fast Autoregressive Transformers "
    "with Linear Attention",
    takes=(Tokens,),
    shape=shape,
    build=build,
    settings={"chunk": 32, "gated": False},
)
