"""Cross-entropy from the wrong classes alone, which keeps its last digits.

-log p(y) = log(1 + sum over j != y of exp(z_j - z_y)). The usual way computes a difference of
two large numbers: in float32 it is exactly zero once the right score leads by about 16, and
with it the gradient. This one goes on to exp(-87).

Source: Prieto et al. 2025, "Grokking at the Edge of Numerical Stability", for the absorption
("softmax collapse") that it avoids.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from forescale.lab.rules._contract import Criterion, Hooks, Rule


class Log1pLoss(Hooks):
    """Puts the exact form in place of the usual one."""

    def criterion(self, inner: Criterion) -> Criterion:
        """Cross-entropy, mean over all targets."""

        def loss(scores: Tensor, targets: Tensor) -> Tensor:
            right = targets[..., None]
            others = scores.scatter(-1, right, -float("inf")).logsumexp(-1)
            # Beyond 20, where softplus turns into the identity, log1p(exp(x)) is x in float32.
            return F.softplus(others - scores.gather(-1, right).squeeze(-1)).mean()

        return loss


RULE = Rule(
    name="log1p_loss",
    what="Cross-entropy that keeps its digits when the right class leads by far.",
    source="Prieto et al. 2025, Grokking at the Edge of Numerical Stability",
    make=Log1pLoss,
    classes=True,
    replaces=True,
    ensemble="shared",
)
