"""Influence of training examples on queries, by the damped Gauss-Newton matrix of the loss.

With G that matrix of the mean training loss and g gradients of single examples, the influence of z
on q is g_q' (G + lambda)^-1 g_z: to first order, n times what q's loss would rise by if z were left
out of n. `exact` writes G out, for small networks. `ekfac` takes it for block diagonal over linear
layers, each block with Kronecker factors' eigenvectors and eigenvalues fitted to the block.

Sources: Koh & Liang 2017; Grosse et al. 2023, "Studying Large Language Model Generalization with
Influence Functions"; George et al. 2018 (EK-FAC); Bae et al. 2022 (why damped and Gauss-Newton).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadOption
from forescale.probes._contract import Batch, Loss
from forescale.probes._read import untouched

if TYPE_CHECKING:
    from torch import Tensor, nn

Method = Literal["ekfac", "exact"]


@dataclass(frozen=True)
class Influence:
    """Influence of training examples on queries.

    Args:
        scores: Shape (queries, examples), nats; above 0 where the example lowers the query's loss.
        method: How the curvature was taken.
        damping: What was added to its eigenvalues.
    """

    scores: NDArray[np.float64]
    method: str
    damping: float

    def __repr__(self) -> str:
        queries, examples = self.scores.shape
        return f"Influence({self.method}: {examples} examples on {queries} queries)"

    def top(self, query: int, k: int = 10) -> NDArray[np.int64]:
        """The k examples that help a query most, best first."""
        return np.asarray(np.argsort(-self.scores[query], kind="stable")[:k], np.int64)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        plain = {"method": self.method, "damping": self.damping, "scores": self.scores.tolist()}
        return {"schema": 1, "kind": "influence", **plain}


def influence(
    model: nn.Module,
    train: Batch | tuple[Tensor, Tensor],
    queries: Batch | tuple[Tensor, Tensor],
    loss: Loss,
    *,
    method: Method = "ekfac",
    damping: float = 0.1,
) -> Influence:
    """Influence of every training example on every query; the model stays as it was.

    Both methods take a pass over the training examples for each output of the model.

    Args:
        model: The trained network, read in evaluation mode; outputs of shape (n, k).
        train: Inputs and targets it was trained on, or a sample of them.
        queries: Inputs and targets whose loss is asked about.
        loss: Mean loss of outputs and targets, convex in the outputs.
        method: "ekfac" for networks whose parameters that train are all of nn.Linear, each called
            once; "exact" for any of at most 20000 parameters.
        damping: Added to all eigenvalues of the curvature, as a part of their mean.

    Raises:
        BadOption: If targets, method, damping or model are not as said.
    """
    from forescale.probes.influence import _ekfac, _exact

    ways = {"ekfac": _ekfac.scores, "exact": _exact.scores}
    if method not in ways:
        raise BadOption(f"no method {method!r}", where="influence", fix=f"one of {', '.join(ways)}")
    if not 0 < damping < np.inf:
        raise BadOption(f"damping is {damping}", where="influence", fix="give a number above 0")
    if not any(p.requires_grad for p in model.parameters()):
        raise BadOption(
            "no parameter of the model trains",
            where="influence",
            fix="set requires_grad on those whose influence is asked about",
        )
    pairs = [b if isinstance(b, Batch) else Batch(*b) for b in (train, queries)]
    for name, pair in zip(("train", "queries"), pairs, strict=True):
        if pair.targets is None or len(pair) == 0:
            raise BadOption(
                f"{name} lacks examples or targets", where="influence", fix="give (inputs, targets)"
            )
    original = getattr(model, "_orig_mod", model)
    with untouched(original, mode="eval", seed=0):
        found, added = ways[method](original, pairs[0], pairs[1], loss, damping)
    return Influence(found.double().cpu().numpy(), method, added)
