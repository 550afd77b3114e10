"""What studies of live networks share: steps of training, and correlations by rank."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import ForescaleError, NotReached

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float64]


def need_torch(refusal: type[ForescaleError] = NotReached) -> None:
    """Nothing, where torch is installed.

    Args:
        refusal: What to raise if it is not. A quick check leaves its claim untested; a full run,
            which was asked for, is refused by `MissingExtra`.
    """
    try:
        found = importlib.util.find_spec("torch")
    except ImportError:
        found = None
    if found is None:
        raise refusal("live networks need torch", fix="pip install 'forescale[lab]'")


def live() -> Any:
    """The torch module.

    Raises:
        NotReached: If torch is not installed.
    """
    need_torch()
    return importlib.import_module("torch")


class Descent:
    """Adam with decoupled weight decay (Kingma & Ba 2015; Loshchilov & Hutter 2019).

    Making the first of torch's own optimizers imports its compiler: a second, as long as a quick
    check may take.

    Args:
        parameters: What to train.
        lr: Learning rate.
        decay: Weight decay, times the learning rate a step.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, decay: float = 0.0) -> None:
        import torch

        self.parameters, self.lr, self.decay = list(parameters), lr, decay
        self.first = [torch.zeros_like(p) for p in self.parameters]
        self.second = [torch.zeros_like(p) for p in self.parameters]
        self.steps = 0

    def step(self, loss: Tensor) -> None:
        """One step down the loss."""
        import torch

        self.steps += 1
        grads = torch.autograd.grad(loss, self.parameters)
        with torch.no_grad():
            for p, g, m, v in zip(self.parameters, grads, self.first, self.second, strict=True):
                m.lerp_(g, 0.1)
                v.lerp_(g * g, 0.001)
                size = (v / (1 - 0.999**self.steps)).sqrt_().add_(1e-8)
                p.mul_(1 - self.lr * self.decay)
                p.addcdiv_(m, size, value=-self.lr / (1 - 0.9**self.steps))


def rank_correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's correlation; 0 where one of the two says nothing, being constant or no number."""
    x, y = np.asarray(a, float), np.asarray(b, float)
    if not (np.isfinite(x).all() and np.isfinite(y).all()) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return 0.0
    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


def ranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return np.asarray((last - (counts - 1) / 2)[index], float)
