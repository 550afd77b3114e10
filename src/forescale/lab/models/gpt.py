"""Decoder-only transformer: pre-norm, rotary positions, squared ReLU, no biases.

Attention scores are divided by the head's width, not its root, so that they keep their size
when heads widen (Yang et al. 2022); at 16 the two agree.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; Su et al.
2021 for the rotary positions; So et al. 2021, "Primer", for the squared ReLU.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from forescale.lab._io import Tokens
from forescale.lab.models import _decoder
from forescale.lab.models._contract import Model
from forescale.lab.models._decoder import Rotary, attention, check_heads, shape, turn

#: Heads' width at which dividing scores by the width and by its root agree.
AGREE = 16


class Block(_decoder.Block):
    """Softmax attention, then the MLP."""

    #: Whether a place sees only itself and earlier ones.
    causal = True

    def __init__(self, width: int, heads: int, qk_norm: bool, gated: bool) -> None:
        super().__init__(width, gated, qkv=nn.Linear(width, 3 * width, bias=False))
        self.heads, self.qk_norm = heads, qk_norm

    def mix(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """Heads' means of values, weighted by the match of query and key."""
        b, t, d = x_btd.shape
        each = d // self.heads
        qkv = self.qkv(x_btd).view(b, t, 3, self.heads, each)
        # Queries and keys are turned together: one pass over both.
        both, v = qkv.split([2, 1], dim=2)
        if self.qk_norm:
            both = F.layer_norm(both, (each,))
        q, k = turn(both, *places).unbind(2)
        mixed = attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.squeeze(2).transpose(1, 2),
            causal=self.causal,
            scale=AGREE**0.5 / each,
            stacked=self.stacked,
        )
        return mixed.transpose(1, 2).reshape(b, t, d)


def build(io: Tokens, *, depth: int, width: int, heads: int, qk_norm: bool, gated: bool) -> Rotary:
    """A GPT.

    Args:
        io: Its inputs and outputs.
        depth: Blocks.
        width: Width of the stream.
        heads: Heads of attention.
        qk_norm: Norm queries and keys.
        gated: Multiply each branch by a scalar, which inits such as `rezero` start at zero.

    Raises:
        BadOption: If the heads do not divide the width into even parts.
    """
    check_heads(width, heads)
    blocks = (Block(width, heads, qk_norm, gated) for _ in range(depth))
    return Rotary(io, width, heads, blocks)


MODEL = Model(
    name="gpt",
    what="Decoder-only transformer: pre-norm, rotary positions, squared ReLU, no biases.",
    source="Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
    takes=(Tokens,),
    shape=shape,
    build=build,
    settings={"qk_norm": False, "gated": False},
)
