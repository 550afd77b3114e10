"""What the token models share: embedding, blocks on a normed stream, norm, head."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Tokens


class Block(nn.Module):
    """A mixer of places and an MLP, each read from a normed stream and added to it.

    Args:
        width: Width of the stream.
        gated: Multiply each branch by a scalar of its own.
        mixer: Modules that `mix` uses.
    """

    #: Whether it is called inside a map over members, where formulas do better than kernels; an
    #: ensemble sets it.
    stacked = False

    def __init__(self, width: int, gated: bool, **mixer: nn.Module) -> None:
        super().__init__()
        for name, part in mixer.items():
            self.add_module(name, part)
        self.out = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.gate = nn.Parameter(torch.ones(2)) if gated else None

    def mix(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """What each place takes from the others, from the normed stream; same shape."""
        raise NotImplementedError

    def mixed(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """The stream after the mixer; same shape."""
        mixed = self.out(self.mix(normed(x_btd), *places))
        return x_btd + (mixed if self.gate is None else self.gate[0] * mixed)

    def made(self, x_btd: Tensor) -> Tensor:
        """The stream after the MLP; same shape."""
        raised = self.up(normed(x_btd))
        # A kernel of our own costs more to map than the pass that it saves.
        raised = raised.clamp_min(0.0).square() if self.stacked else squared_relu(raised)
        made = self.down(raised)
        return x_btd + (made if self.gate is None else self.gate[1] * made)

    def forward(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """The stream after the block, shape (b, t, d)."""
        return self.made(self.mixed(x_btd, *places))


class Decoder(nn.Module):
    """Token embedding, blocks, norm, head."""

    def __init__(self, io: Tokens, width: int, blocks: Iterable[Block]) -> None:
        super().__init__()
        self.last, self.given = io.targets == "last", io.given
        self.embed = nn.Embedding(io.vocab, width)
        self.blocks = nn.ModuleList(blocks)
        self.head = nn.Linear(width, io.vocab, bias=False)
        self.embeddings = ("embed.weight", "head.weight")
        self.residuals = tuple(
            f"blocks.{i}.{n}.weight" for i in range(len(self.blocks)) for n in ("out", "down")
        )

    def places(self, t: int) -> tuple[Tensor, ...]:
        """What the blocks must know of t places."""
        return ()

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Scores at all places with a target, (b, places, vocab); at the last alone, (b, vocab)."""
        places = self.places(tokens_bt.shape[1])
        x_btd = self.embed(tokens_bt)
        for block in self.blocks:
            x_btd = block(x_btd, *places)
        return self.head(normed(x_btd[:, -1] if self.last else x_btd[:, self.given - 1 :]))


class Rotary(Decoder):
    """A decoder whose blocks turn queries and keys by their places."""

    def __init__(self, io: Tokens, width: int, heads: int, blocks: Iterable[Block]) -> None:
        super().__init__(io, width, blocks)
        half = width // heads // 2
        angle = torch.arange(io.context)[:, None] * 100.0 ** (-torch.arange(half) / half)
        # Tiled over queries, keys and heads: short inner loops cost more than the products.
        units = torch.polar(torch.ones_like(angle), angle)[:, None, None, :]
        self.register_buffer("turns", units.expand(-1, 2, heads, -1).contiguous(), persistent=False)

    def places(self, t: int) -> tuple[Tensor, ...]:
        """Unit complex numbers, shape (t, 2, heads, half a head)."""
        return (self.turns[:t],)


def normed(x: Tensor) -> Tensor:
    """Mean zero and variance one over the last axis; same shape."""
    return F.layer_norm(x, x.shape[-1:])


def turn(x: Tensor, turns: Tensor) -> Tensor:
    """Neighbours on the last axis turned as points of the plane (Su et al. 2021); same shape.

    One complex product: sines and cosines on halves of the axis cost five passes.
    """
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)


def attention(
    q_bhtd: Tensor, k_bhtd: Tensor, v_bhtd: Tensor, *, causal: bool, scale: float, stacked: bool
) -> Tensor:
    """Means of values, weighted by the softmax of scaled products; shape (b, h, t, d).

    Args:
        q_bhtd: Queries.
        k_bhtd: Keys.
        v_bhtd: Values.
        causal: No place sees a later one.
        scale: Factor on the products.
        stacked: Use the formula. The CPU's fused kernel cannot be mapped over members, and those
            of GPUs do not see through the map that a gradient will be asked for.
    """
    if not stacked:
        return F.scaled_dot_product_attention(q_bhtd, k_bhtd, v_bhtd, is_causal=causal, scale=scale)
    scores_bhts = (q_bhtd * scale) @ k_bhtd.transpose(-1, -2)
    if causal:
        t = q_bhtd.shape[-2]
        later = torch.ones(t, t, dtype=torch.bool, device=q_bhtd.device).triu(1)
        scores_bhts = scores_bhts.masked_fill(later, -float("inf"))
    return scores_bhts.softmax(-1) @ v_bhtd


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
    """max(x, 0)^2 (So et al. 2021), shape as x."""
    out: Tensor = _SquaredReLU.apply(x)[0]
    return out


def shape(size: int) -> dict[str, int]:
    """Width 16 per unit of size; depth grows by one for every 48 of width."""
    width = 16 * size
    each = 64 if width >= 512 else 32 if width >= 128 else 16
    return {
        "depth": 2 + (size - 1) // 3,
        "width": width,
        "heads": width // each if width % each == 0 else size,
    }


def check_heads(width: int, heads: int) -> None:
    """Refuse heads that do not divide the width into even parts.

    Raises:
        BadOption: If they do not.
    """
    if width % (2 * heads):
        raise BadOption(
            f"width {width} cannot be split into {heads} heads of even width",
            fix="choose a width that is a multiple of twice the heads",
        )
