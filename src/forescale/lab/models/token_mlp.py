"""An embedding of every place, and a multilayer perceptron over all of them at once.

The smallest network that groks: modular tables are learnt by it in seconds.

Source: Liu et al. 2022, "Towards Understanding Grokking: An Effective Theory of Representation
Learning"; with the activation "square" that of Gromov 2023, "Grokking modular arithmetic".
"""

from __future__ import annotations

from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.lab._io import Tokens, Vectors
from forescale.lab.models import mlp
from forescale.lab.models._contract import Model


class TokenMLP(nn.Module):
    """Embeddings of all places side by side, hidden layers, scores of the last place's target."""

    def __init__(
        self, vocab: int, context: int, embedding: int, depth: int, width: int, act: str
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, embedding)
        self.body = mlp.build(
            Vectors(context * embedding, vocab), depth=depth, width=width, act=act
        )
        self.embeddings = ("embed.weight", "body.head.weight", "body.head.bias")

    def forward(self, tokens_bt: Tensor) -> Tensor:
        """Scores, shape (b, vocab), of tokens, shape (b, t)."""
        scores: Tensor = self.body(self.embed(tokens_bt).flatten(1))
        return scores


def build(io: Tokens, *, embedding: int, depth: int, width: int, act: str) -> TokenMLP:
    """The network.

    Raises:
        BadOption: If the task asks for more than the last place, or the activation is unknown.
    """
    if io.targets != "last":
        raise BadOption(
            "model 'token_mlp' scores one token, the task asks for every place",
            fix="choose another model, or a task that asks for the last place's alone",
        )
    return TokenMLP(io.vocab, io.context, embedding, depth, width, act)


MODEL = Model(
    name="token_mlp",
    what="Embeddings of all places, and a multilayer perceptron over them.",
    source="Liu et al. 2022, Towards Understanding Grokking: An Effective Theory of "
    "Representation Learning",
    takes=(Tokens,),
    shape=lambda size: {"depth": 1, "width": 32 * size, "embedding": 16 * size},
    build=build,
    settings={"act": "relu"},
    causal=False,
)
