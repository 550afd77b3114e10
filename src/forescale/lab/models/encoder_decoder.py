"""Encoder-decoder transformer: one stack reads the source both ways, the other answers causally.

The source is what the task gives before its first target; its last token also starts the
decoder. Where the last place's target alone counts, that is the whole sequence, and the decoder
has one place. Both stacks share the embedding. Queries and keys are turned by their places in the
one sequence that source and answer make, across the stacks too.

Source: Vaswani et al. 2017, "Attention Is All You Need"; Raffel et al. 2020, "Exploring the Limits
of Transfer Learning with a Unified Text-to-Text Transformer", for norms ahead of the branches and
tasks as text.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forescale.lab._io import Tokens
from forescale.lab.models import encoder, gpt
from forescale.lab.models._contract import Model
from forescale.lab.models._decoder import Rotary, attention, check_heads, normed, shape, turn


class Block(gpt.Block):
    """Causal attention to the answer so far, attention to the source, then the MLP."""

    def __init__(self, width: int, heads: int, gated: bool) -> None:
        super().__init__(width, heads, False, gated)
        self.cross_q = nn.Linear(width, width, bias=False)
        self.cross_kv = nn.Linear(width, 2 * width, bias=False)
        self.cross_out = nn.Linear(width, width, bias=False)
        self.cross_gate = nn.Parameter(torch.ones(())) if gated else None

    def cross(self, x_btd: Tensor, source_bsd: Tensor, turns_t: Tensor, turns_s: Tensor) -> Tensor:
        """What each place of the answer takes from the source, both normed; shape (b, t, d)."""
        b, t, d = x_btd.shape
        each = d // self.heads
        q_bthe = turn(self.cross_q(x_btd).view(b, t, self.heads, each), turns_t[:, 0])
        k_bshe, v_bshe = self.cross_kv(source_bsd).view(b, -1, 2, self.heads, each).unbind(2)
        taken = attention(
            q_bthe.transpose(1, 2),
            turn(k_bshe, turns_s[:, 0]).transpose(1, 2),
            v_bshe.transpose(1, 2),
            causal=False,
            scale=gpt.AGREE**0.5 / each,
            stacked=self.stacked,
        )
        return self.cross_out(taken.transpose(1, 2).reshape(b, t, d))

    def forward(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """The stream after the block, shape (b, t, d).

        Args:
            x_btd: The stream of the answer.
            places: The normed source, (b, s, d), then turns of the answer's and its places.
        """
        source_bsd, turns_t, turns_s = places
        x_btd = self.mixed(x_btd, turns_t)
        taken = self.cross(normed(x_btd), source_bsd, turns_t, turns_s)
        x_btd = x_btd + (taken if self.cross_gate is None else self.cross_gate * taken)
        return self.made(x_btd)


class EncoderDecoder(Rotary):
    """An encoder of the source, and a decoder whose blocks see what it made."""

    def __init__(self, io: Tokens, width: int, heads: int, depth: int, gated: bool) -> None:
        super().__init__(io, width, heads, [Block(width, heads, gated) for _ in range(depth)])
        self.encoder = nn.ModuleList(
            encoder.Block(width, heads, False, gated) for _ in range(depth)
        )
        self.residuals = (
            *self.residuals,
            *(f"blocks.{i}.cross_out.weight" for i in range(depth)),
            *(f"encoder.{i}.{n}.weight" for i in range(depth) for n in ("out", "down")),
        )

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Scores at all places with a target, (b, places, vocab); at the last alone, (b, vocab)."""
        (turns,) = self.places(tokens_bt.shape[1])
        embedded = self.embed(tokens_bt)
        given = tokens_bt.shape[1] if self.last else self.given
        source_bsd, x_btd = embedded[:, :given], embedded[:, given - 1 :]
        for block in self.encoder:
            source_bsd = block(source_bsd, turns[:given])
        source_bsd = normed(source_bsd)
        for block in self.blocks:
            x_btd = block(x_btd, source_bsd, turns[given - 1 :], turns[:given])
        return self.head(normed(x_btd[:, -1] if self.last else x_btd))


def build(io: Tokens, *, depth: int, width: int, heads: int, gated: bool) -> EncoderDecoder:
    """An encoder and a decoder.

    Args:
        io: Its inputs and outputs.
        depth: Blocks of each of the two.
        width: Width of both streams.
        heads: Heads of each attention.
        gated: Multiply each branch by a scalar, which inits such as `rezero` start at zero.

    Raises:
        BadOption: If the heads do not divide the width into even parts.
    """
    check_heads(width, heads)
    return EncoderDecoder(io, width, heads, depth, gated)


MODEL = Model(
    name="encoder_decoder",
    what="Transformer whose encoder reads the source and whose decoder answers.",
    source="Vaswani et al. 2017, Attention Is All You Need; Raffel et al. 2020, Exploring the "
    "Limits of Transfer Learning with a Unified Text-to-Text Transformer",
    takes=(Tokens,),
    shape=shape,
    build=build,
    settings={"gated": False},
    reads_source=True,
)
