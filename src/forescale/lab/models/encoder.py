"""Bidirectional transformer: `gpt`'s blocks, every place sees all, the last place answers.

Source: Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding".
"""

from __future__ import annotations

from forescale.lab._io import Tokens
from forescale.lab.models import gpt
from forescale.lab.models._contract import Model
from forescale.lab.models._decoder import Rotary, check_heads, shape


class Block(gpt.Block):
    """Attention over all places, then the MLP."""

    causal = False


def build(io: Tokens, *, depth: int, width: int, heads: int, gated: bool) -> Rotary:
    """An encoder.

    Raises:
        BadOption: If the heads do not divide the width into even parts.
    """
    check_heads(width, heads)
    blocks = (Block(width, heads, False, gated) for _ in range(depth))
    return Rotary(io, width, heads, blocks)


MODEL = Model(
    name="encoder",
    what="Bidirectional transformer that answers at the last place.",
    source="Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers for "
    "Language Understanding",
    takes=(Tokens,),
    shape=shape,
    build=build,
    settings={"gated": False},
    causal=False,
)
