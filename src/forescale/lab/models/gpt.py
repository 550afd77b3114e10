"""Decoder-only transformer: pre-norm, rotary positions, squared ReLU, no biases.

Attention scores are divided by the head's width, not its root, so that they keep their size
when heads widen (Yang et al. 2022); at 16 the two agree.

Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; Su et al.
2021 for the rotary positions; So et al. 2021, "Primer", for the squared ReLU.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.models._contract import Model

#: Heads' width at which dividing scores by the width and by its root agree.
AGREE = 16


def turned(x: Tensor, turn: Tensor) -> Tensor:
    """Neighbouring numbers of x turned as points of the plane, one complex product.

    Args:
        x: Queries or keys, shape (b, t, ..., d).
        turn: Unit complex numbers for every pair, shape (t, ..., d / 2): tiled over heads,
            because short inner loops cost more than the products.
    """
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)


class _SquaredReLU(torch.autograd.Function):
    """max(x, 0)^2, keeping one tensor where autograd keeps two and passes over it twice."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> tuple[Tensor, Tensor]:
        """max(x, 0)^2 and max(x, 0), shapes as x."""
        positive = x.clamp_min(0.0)
        return positive * positive, positive

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        """Keep max(x, 0)."""
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(output[1])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: None) -> Tensor:
        """2 max(x, 0) times the gradient."""
        (positive,) = ctx.saved_tensors
        return gradient * positive * 2.0


def squared_relu(x: Tensor) -> Tensor:
    """max(x, 0)^2, shape as x."""
    out: Tensor = _SquaredReLU.apply(x)[0]
    return out


class Block(nn.Module):
    """Attention and MLP, each read from a normed stream and added to it."""

    def __init__(self, width: int, heads: int, qk_norm: bool) -> None:
        super().__init__()
        self.heads, self.qk_norm = heads, qk_norm
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x_btd: Tensor, turn: Tensor) -> Tensor:
        """The stream after the block, shape (b, t, d)."""
        b, t, d = x_btd.shape
        each = d // self.heads
        qkv = self.qkv(F.layer_norm(x_btd, (d,))).view(b, t, 3, self.heads, each)
        # Queries and keys are turned together: one pass over both.
        both, v = qkv.split([2, 1], dim=2)
        if self.qk_norm:
            both = F.layer_norm(both, (each,))
        q, k = turned(both, turn).unbind(2)
        mixed = F.scaled_dot_product_attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.squeeze(2).transpose(1, 2),
            is_causal=True,
            scale=AGREE**0.5 / each,
        )
        x_btd = x_btd + self.out(mixed.transpose(1, 2).reshape(b, t, d))
        return x_btd + self.down(squared_relu(self.up(F.layer_norm(x_btd, (d,)))))


class GPT(nn.Module):
    """Token embedding, blocks, norm, head."""

    def __init__(self, io: Tokens, depth: int, width: int, heads: int, qk_norm: bool) -> None:
        super().__init__()
        self.last = io.targets == "last"
        self.embed = nn.Embedding(io.vocab, width)
        self.blocks = nn.ModuleList(Block(width, heads, qk_norm) for _ in range(depth))
        self.head = nn.Linear(width, io.vocab, bias=False)
        self.embeddings = ("embed.weight", "head.weight")
        self.residuals = tuple(
            f"blocks.{i}.{n}.weight" for i in range(depth) for n in ("out", "down")
        )
        half = width // heads // 2
        angle = torch.arange(io.context)[:, None] * 100.0 ** (-torch.arange(half) / half)
        turn = torch.polar(torch.ones_like(angle), angle)
        tiled = turn[:, None, None, :].expand(-1, 2, heads, -1).contiguous()
        self.register_buffer("turn", tiled, persistent=False)

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Scores of every token, shape (b, t, vocab); of the last place alone, (b, vocab)."""
        t = tokens_bt.shape[1]
        x_btd = self.embed(tokens_bt)
        for block in self.blocks:
            x_btd = block(x_btd, self.turn[:t])
        if self.last:
            x_btd = x_btd[:, -1]
        return self.head(F.layer_norm(x_btd, x_btd.shape[-1:]))


def shape(size: int) -> dict[str, int]:
    """Width 16 per unit of size; depth grows by one for every 48 of width."""
    width = 16 * size
    each = 64 if width >= 512 else 32 if width >= 128 else 16
    return {
        "depth": 2 + (size - 1) // 3,
        "width": width,
        "heads": width // each if width % each == 0 else size,
    }


def build(io: Tokens, *, depth: int, width: int, heads: int, qk_norm: bool) -> GPT:
    """A GPT.

    Raises:
        BadOption: If the heads do not divide the width into even parts.
    """
    if width % (2 * heads):
        raise BadOption(
            f"width {width} cannot be split into {heads} heads of even width",
            fix="choose a width that is a multiple of twice the heads",
        )
    return GPT(io, depth, width, heads, qk_norm)


MODEL = Model(
    name="gpt",
    what="Decoder-only transformer: pre-norm, rotary positions, squared ReLU, no biases.",
    source="Radford et al. 2019, Language Models are Unsupervised Multitask Learners",
    takes=(Tokens,),
    shape=shape,
    build=build,
    settings={"qk_norm": False},
)
