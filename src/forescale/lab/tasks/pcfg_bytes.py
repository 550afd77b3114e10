"""Next token of a small probabilistic context-free grammar whose entropy rate is known exactly.

A tree is a leaf, or a bracket around two trees:

    S_i -> leaf                      with probability 1 - branch
    S_i -> open_j S_j S_j close_j    with probability branch

Which leaf and which bracket is drawn from Zipf distributions whose rankings belong to the
enclosing bracket i, so to predict a leaf one must know what is still open. Every production
begins with a token of its own: the text determines the tree, and the entropy of a tree is that
of its choices. With h the entropy of the choice between leaf and bracket, a tree has entropy
H = h + (1 - branch) H_leaf + branch (H_bracket + 2 H) and length
n = (1 - branch) + branch (2 + 2 n), and the rate of the text, one tree after the other, is

    H / n = (h + (1 - branch) H_leaf + branch H_bracket) / (1 + branch).

Windows begin anywhere, so a model does not see all that is open and stays a little above.

Source: Booth & Thompson 1973, "Applying Probability Measures to Abstract Languages", for the
entropies; Allen-Zhu & Li 2023, "Physics of Language Models: Part 1, Learning Hierarchical
Language Structures", for grammars as tasks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.lab._io import Tokens
from forescale.lab.tasks._contract import Data, Task
from forescale.lab.tasks.markov_bytes import probabilities

if TYPE_CHECKING:
    from torch import Tensor

#: Tokens left out before the first window: by then the depth has forgotten that it began at 0.
SKIPPED = 512
#: Largest branch: at one half trees would have no mean length.
MOST_BRANCH = 0.45


@dataclass(frozen=True)
class Grammar:
    """The grammar with its rankings drawn once.

    Tokens are numbered: leaves, then openings, then closings.

    Args:
        branch: Probability of a bracket.
        leaf, bracket: Probabilities of the ranks.
        leaves, brackets: Token or bracket of each rank under each enclosing bracket (the last
            row is for none), shapes (brackets + 1, leaves) and (brackets + 1, brackets).
    """

    branch: float
    leaf: NDArray[np.float64]
    bracket: NDArray[np.float64]
    leaves: NDArray[np.int64]
    brackets: NDArray[np.int64]

    @property
    def rate(self) -> float:
        """Entropy per token, in nats."""
        q = self.branch
        choice = -(q * math.log(q) + (1.0 - q) * math.log(1.0 - q))
        leaf, bracket = (float(-(p * np.log(p)).sum()) for p in (self.leaf, self.bracket))
        return (choice + (1.0 - q) * leaf + q * bracket) / (1.0 + q)

    def text(self, n: int, rng: np.random.Generator) -> tuple[list[int], NDArray[np.float64]]:
        """`n` tokens, and for each the log of its probability given all tokens before it."""
        inside = (rng.random(n) < self.branch).tolist()
        ranks = [
            np.searchsorted(np.cumsum(p)[:-1], rng.random(n), side="right")
            for p in (self.leaf, self.bracket)
        ]
        leaf, bracket = (r.tolist() for r in ranks)
        leaves, brackets = self.leaves.tolist(), self.brackets.tolist()
        first, kinds = len(self.leaf), len(self.bracket)
        out: list[int] = []
        logs = np.zeros(n)
        # What is still to come: a tree under bracket i as i, the closing of bracket j as -1 - j.
        pending: list[int] = []
        for t in range(n):
            top = pending.pop() if pending else kinds
            if top < 0:
                out.append(first + kinds - 1 - top)
            elif inside[t]:
                j = brackets[top][bracket[t]]
                out.append(first + j)
                pending += (-1 - j, j, j)
                logs[t] = math.log(self.branch * self.bracket[bracket[t]])
            else:
                out.append(leaves[top][leaf[t]])
                logs[t] = math.log((1.0 - self.branch) * self.leaf[leaf[t]])
        return out, logs


def grammar(*, leaves: int, brackets: int, branch: float, zipf: float) -> Grammar:
    """The grammar for some numbers of leaves and brackets.

    Raises:
        BadOption: If the numbers make none.
    """
    if not 0 < branch <= MOST_BRANCH or leaves < 1 or brackets < 1:
        raise BadOption(
            f"{leaves} leaves, {brackets} brackets, branch {branch:g}",
            fix=f"give at least one of each and a branch in (0, {MOST_BRANCH}]",
        )
    rng = np.random.default_rng([0, leaves, brackets])
    return Grammar(
        branch,
        probabilities(leaves, zipf),
        probabilities(brackets, zipf),
        rng.permuted(np.tile(np.arange(leaves), (brackets + 1, 1)), axis=1),
        rng.permuted(np.tile(np.arange(brackets), (brackets + 1, 1)), axis=1),
    )


def make(
    *, leaves: int, brackets: int, branch: float, zipf: float, context: int, validation: int
) -> Data:
    """Windows of the grammar's text.

    Args:
        leaves: Tokens that are leaves.
        brackets: Kinds of brackets.
        branch: Probability that a tree is a bracket around two.
        zipf: Exponent of the distributions of leaves and brackets.
        context: Tokens in a window.
        validation: Windows that validate.
    """
    import torch

    source = grammar(leaves=leaves, brackets=brackets, branch=branch, zipf=zipf)

    def draw(n: int, seed: list[int]) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng(seed)
        text, _ = source.text(SKIPPED + n * (context + 1), rng)
        tokens = torch.tensor(text[SKIPPED:]).view(n, context + 1)
        return tokens[:, :-1], tokens[:, 1:]

    def batch(step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        return draw(size, [1, seed, step])

    return Data(
        io=Tokens(vocab=leaves + 2 * brackets, context=context),
        loss="cross_entropy",
        batch=batch,
        validation=draw(validation, [0]),
        per_example=context,
        floor=source.rate,
    )


TASK = Task(
    name="pcfg_bytes",
    what="Next token of a context-free grammar whose entropy rate is known.",
    source="Allen-Zhu & Li 2023, Physics of Language Models: Part 1, Learning Hierarchical "
    "Language Structures",
    make=make,
    settings={
        "leaves": 16,
        "brackets": 4,
        "branch": 0.4,
        "zipf": 1.2,
        "context": 64,
        "validation": 512,
    },
    unit="tokens",
)
