"""How much of the softmax the model's own precision still computes.

In the precision of the outputs a class far below the largest adds nothing to the softmax's sum.
Once no class does, the sum is exactly 1: the loss of a right answer is exactly 0 and its gradient
in the right logit with it. `output_margin` asks the same of float32 whatever the model's
precision is, and gives the margins.

Source: Prieto et al. 2025, "Grokking at the Edge of Numerical Stability".
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._classified import classified


def sums(logits: Tensor) -> Tensor:
    """The softmax's sum after the largest logit is taken off, in the logits' precision.

    Args:
        logits: Shape (..., classes).
    """
    return (logits - logits.amax(-1, keepdim=True)).exp().sum(-1)


def run(sight: Sight) -> Mapping[str, float]:
    """Shares of predictions and classes that are absorbed, and what is lost of the gradient.

    NaN without a prediction, or with fewer than two classes.
    """
    assert sight.batch.targets is not None
    with torch.no_grad():
        logits, labels = classified(sight.model(sight.batch.inputs), sight.batch.targets)
        if len(labels) == 0 or logits.shape[1] < 2:
            return dict.fromkeys((m.name for m in PROBE.measures), float("nan"))
        shifted = logits - logits.amax(1, keepdim=True)
        collapsed = (sums(logits) == 1) & (logits.argmax(1) == labels)
        epsilon = torch.finfo(logits.dtype).eps
        # The smallest sum above 1 is 1 + epsilon; half of it is rounded away.
        absorbed = shifted.double() < torch.tensor(epsilon / 2).double().log()
        wide = logits.double()
        right = labels[:, None]
        others = wide.scatter(1, right, -float("inf")).logsumexp(1)
        behind = others - wide.gather(1, right)[:, 0]
        hot = torch.nn.functional.one_hot(labels, logits.shape[1])
        said = torch.softmax(logits, 1) - hot.to(logits.dtype)
        # The right class's entry from the others' sum: p - 1 would lose its digits.
        exact = torch.softmax(wide, 1).scatter(1, right, -torch.sigmoid(behind)[:, None])
        lost = (said.double() - exact).norm() / exact.norm()
        found = {
            "collapsed": collapsed.double().mean(),
            "absorbed": absorbed.double().sum() / (absorbed.numel() - len(labels)),
            "tail": (others - wide.amax(1)).clamp(max=0).median() / 2.302585092994046,
            "lost_gradient": lost,
            "floor": torch.full_like(lost, epsilon),
        }
        # One transfer from the device for all.
        values = torch.stack(list(found.values())).tolist()
    return dict(zip(found, values, strict=True))


PROBE = Probe(
    name="softmax_collapse",
    what="How much of the softmax is absorbed by rounding in the model's own precision.",
    measures=(
        Measure("collapsed", "share", "right predictions whose softmax sum is exactly 1"),
        Measure("absorbed", "share", "classes other than the largest that the sum does not feel"),
        Measure("tail", "decades", "median log10 of the wrong classes' weight in the sum"),
        Measure("lost_gradient", "1", "relative error of the logit gradient, from rounding"),
        Measure("floor", "nats", "smallest loss above 0 that the precision can compute"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Prieto et al. 2025",
    needs=frozenset({"targets", "classes"}),
)
