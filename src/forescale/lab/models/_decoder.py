"""What the token models share: embedding, blocks on a normed stream, norm, head."""

from __future__ import annotations

from collections.abc import Iterable

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

    def forward(self, x_btd: Tensor, *places: Tensor) -> Tensor:
        """The stream after the block, shape (b, t, d)."""
        norm = x_btd.shape[-1:]
        mixed = self.out(self.mix(F.rms_norm(x_btd, norm), *places))
        x_btd = x_btd + (mixed if self.gate is None else self.gate[0] * mixed)
        made = self.down(F.relu(self.up(F.rms_norm(x_btd, norm))).square())
        return x_btd + (made if self.gate is None else self.gate[1] * made)


class Decoder(nn.Module):
    """Token embedding, blocks, norm, head."""

    def __init__(self, io: Tokens, width: int, blocks: Iterable[Block]) -> None:
        super().__init__()
        self.last = io.targets == "last"
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
        """Scores of every token, shape (b, t, vocab); of the last place alone, (b, vocab)."""
        places = self.places(tokens_bt.shape[1])
        x_btd = self.embed(tokens_bt)
        for block in self.blocks:
            x_btd = block(x_btd, *places)
        if self.last:
            x_btd = x_btd[:, -1]
        return self.head(F.rms_norm(x_btd, x_btd.shape[-1:]))


class Rotary(Decoder):
    """A decoder whose blocks turn queries and keys by their places."""

    def __init__(self, io: Tokens, width: int, heads: int, blocks: Iterable[Block]) -> None:
        super().__init__(io, width, blocks)
        half = width // heads // 2
        angle = torch.arange(io.context)[:, None] * 100.0 ** (-torch.arange(half) / half)
        self.register_buffer("cos", angle.cos()[:, None, None, :], persistent=False)
        self.register_buffer("sin", angle.sin()[:, None, None, :], persistent=False)

    def places(self, t: int) -> tuple[Tensor, ...]:
        """Cosines and sines, each of shape (t, 1, 1, half a head)."""
        return self.cos[:t], self.sin[:t]


def turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Halves of the last axis turned against each other (Su et al. 2021); same shape."""
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


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
