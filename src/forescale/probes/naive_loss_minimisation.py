"""Whether a step only scales the weights up: the cosine of the descent direction with them.

Past a perfect fit, scaling the logits lowers the loss and changes no answer. In a network that
is homogeneous of degree L (ReLU, no biases) scaling the weights by c scales the logits by c^L,
so that the gradient along the weights is L times that along the logits.

Source: Prieto et al. 2025, "Grokking at the Edge of Numerical Stability" (naive loss
minimisation).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from forescale.probes import Cost, Measure, Probe, Sight


def run(sight: Sight) -> Mapping[str, float]:
    """Cosines of the negative gradient with the weights, and the loss's slopes in scale.

    NaN where the weights or the gradient are zero.
    """
    names = [n for n, p in sight.model.named_parameters() if p.requires_grad]
    params = sight.parameters()
    assert sight.loss is not None
    assert sight.batch.targets is not None
    outputs = sight.model(sight.batch.inputs)
    value = sight.loss(outputs, sight.batch.targets)
    slope, *grads = torch.autograd.grad(
        value, [outputs, *params], allow_unused=True, materialize_grads=True
    )
    weights = [p.detach().double() for p in params]
    descent = [-g.double() for g in grads]
    inner = torch.stack([(w * d).sum() for w, d in zip(weights, descent, strict=True)])
    sizes = torch.stack([w.square().sum() for w in weights])
    steep = torch.stack([d.square().sum() for d in descent])
    cosines = inner / (sizes * steep).sqrt()
    found = {
        "cosine": inner.sum() / (sizes.sum() * steep.sum()).sqrt(),
        "scaling_share": (inner.square() / sizes.clamp_min(torch.finfo(sizes.dtype).tiny)).sum()
        / steep.sum(),
        "logit_gain": -(slope.double() * outputs.detach().double()).sum(),
        "weight_gain": inner.sum(),
        **{f"cosine/{n}": c for n, c in zip(names, cosines, strict=True)},
    }
    # One transfer from the device for all.
    values = torch.stack(list(found.values())).tolist()
    return dict(zip(found, values, strict=True))


PROBE = Probe(
    name="naive_loss_minimisation",
    what="How far a step only scales the weights up: the cosine of descent with the weights.",
    measures=(
        Measure("cosine", "1", "cosine of the negative gradient with all weights"),
        Measure("scaling_share", "1", "share of |gradient|^2 along each tensor's own weights"),
        Measure("logit_gain", "nats", "fall of the loss per unit of log scale of the logits"),
        Measure("weight_gain", "nats", "the same of the weights; over it, the degree"),
        Measure("cosine/*", "1", "cosine of one parameter tensor with its negative gradient"),
    ),
    run=run,
    cost=Cost(backwards=1),
    source="Prieto et al. 2025",
    needs=frozenset({"targets", "loss"}),
)
