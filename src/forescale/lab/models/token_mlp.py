"""An embedding of every place, and a multilayer perceptron over all of them at once.

The smallest network that groks: modular tables are learnt by it in seconds.

Source: Liu et al. 2022, "Towards Understanding Grokking: An Effective Theory of Representation
Learning"; with the activation "square" that of Gromov 2023, "Grokking modular arithmetic".
"""

from __future__ import annotations

from torch import Tensor, nn

from forescale.lab._io import Tokens
from forescale.lab.models import mlp
from forescale.lab.models._contract import Model


class TokenMLP(mlp.MLP):
    """Embeddings of all places side by side, hidden layers, scores of the last place's target."""

    def __init__(self, vocab: int, context: int, depth: int, width: int, act: str) -> None:
        super().__init__(context * (width // 2), vocab, depth, width, act)
        self.embed = nn.Embedding(vocab, width // 2)
        self.embeddings = ("embed.weight", "head.weight", "head.bias")

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Scores, shape (b, vocab), of tokens, shape (b, t)."""
        return super().forward(self.embed(tokens_bt))


def build(io: Tokens, *, depth: int, width: int, act: str) -> TokenMLP:
    """The network; embeddings are half as wide as its hidden layers.

    Raises:
        BadOption: If the activation is unknown.
    """
    mlp.check_activation(act)
    return TokenMLP(io.vocab, io.context, depth, width, act)


MODEL = Model(
    name="token_mlp",
    what="Embeddings of all places, and a multilayer perceptron over them.",
    source="Liu et al. 2022, Towards Understanding Grokking: An Effective Theory of "
    "Representation Learning",
    takes=(Tokens,),
    shape=lambda size: {"depth": 1, "width": 32 * size},
    build=build,
    settings={"act": "relu"},
    causal=False,
)
