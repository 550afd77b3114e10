"""One transformer block without norms, as grokking is studied on: positions learned, ReLU.

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability";
size 8 is their network, and the init `stream` its start.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.models import _decoder
from forescale.lab.models._contract import Model
from forescale.lab.models._decoder import attention


class OneLayer(nn.Module):
    """Attention and an MLP, each added to the stream as it is; biases in the MLP alone."""

    #: Whether it is called inside a map over members, where formulas do better than kernels.
    stacked = False

    def __init__(self, io: Tokens, width: int, heads: int, expand: int) -> None:
        super().__init__()
        self.last, self.given, self.heads = io.targets == "last", io.given, heads
        self.embed = nn.Embedding(io.vocab, width)
        self.place = nn.Embedding(io.context, width)
        self.q, self.k, self.v, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.up = nn.Linear(width, expand * width)
        self.down = nn.Linear(expand * width, width)
        self.head = nn.Linear(width, io.vocab, bias=False)
        self.embeddings = ("embed.weight", "place.weight", "head.weight")
        self.residuals = ("out.weight", "down.weight")

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Scores at all places with a target, (b, places, vocab); at the last alone, (b, vocab)."""
        b, t = tokens_bt.shape
        x_btd = self.embed(tokens_bt) + self.place(torch.arange(t, device=tokens_bt.device))
        split = (b, t, self.heads, -1)
        q, k, v = (m(x_btd).view(split).transpose(1, 2) for m in (self.q, self.k, self.v))
        mixed = attention(q, k, v, causal=True, scale=q.shape[-1] ** -0.5, stacked=self.stacked)
        x_btd = x_btd + self.out(mixed.transpose(1, 2).reshape(b, t, -1))
        x_btd = x_btd + self.down(F.relu(self.up(x_btd)))
        return self.head(x_btd[:, -1] if self.last else x_btd[:, self.given - 1 :])


def build(io: Tokens, *, width: int, heads: int, expand: int) -> OneLayer:
    """The network.

    Args:
        io: Its inputs and outputs.
        width: Width of the stream.
        heads: Heads of attention.
        expand: Neurons of the MLP per unit of width.

    Raises:
        BadOption: If the heads do not divide the width.
    """
    if width % heads:
        raise BadOption(
            f"width {width} cannot be split into {heads} heads",
            fix="choose a width that is a multiple of the heads",
        )
    return OneLayer(io, width, heads, expand)


def shape(size: int) -> dict[str, int]:
    """Width 16 per unit of size, heads as in the other decoders."""
    whole = _decoder.shape(size)
    return {"width": whole["width"], "heads": whole["heads"], "expand": 4}


MODEL = Model(
    name="one_layer",
    what="One transformer block without norms, learned positions, ReLU.",
    source="Nanda et al. 2023, Progress measures for grokking via mechanistic interpretability",
    takes=(Tokens,),
    shape=shape,
    build=build,
)
