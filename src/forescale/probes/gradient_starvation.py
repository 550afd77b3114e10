"""Gradient starvation: how few modes of the features share the learning signal.

Cross-entropy sees an example only by its margin, m = right logit - log sum exp of the others: it
is log(1 + exp(-m)), and its gradient is -a times that of m, with a = 1/(1 + exp(m)) the signal
that is left. The margins' gradients are the rows of the feature matrix; its left singular vectors
u and values s are the modes. The batch's squared gradient is the sum over modes of s^2 (u' a)^2.
Where strong modes serve all examples they use the signal up, and weak ones are never learned: the
gradient lives in few modes, the signal that is left lies in the others.

Source: Pezeshki et al. 2021, "Gradient Starvation: A Learning Proclivity in Neural Networks", for
two classes; the margin above carries it to more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight, _examples
from forescale.probes._classified import classified
from forescale.probes.opposing_signals import products


def run(sight: Sight) -> Mapping[str, float]:
    """Modes that share the gradient, and what is left of the signal elsewhere."""
    most, held = sight.settings["examples"], sight.settings["held"]
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise BadOption(f"examples is {most!r}", where="examples", fix="give 1 or more")
    if not 0 < held < 1:
        raise BadOption(f"held is {held!r}", where="held", fix="give a part, as in held=0.95")
    missing = {m.name: math.nan for m in PROBE.measures}
    if not _examples.separable(sight):
        return missing
    draw = torch.Generator().manual_seed(sight.seed)
    chosen = torch.randperm(len(sight.batch), generator=draw)[:most]
    targets = sight.batch.targets
    assert targets is not None
    inputs, labels = sight.batch.inputs, targets
    with torch.no_grad():
        outputs = sight.model(inputs[chosen.to(inputs.device)])
        told = classified(outputs, labels[chosen.to(labels.device)])
        if len(told[1]) < len(chosen):
            raise BadOption("an example has no class", where="batch", fix="give each a target >= 0")
        signal = torch.sigmoid(-margin(*told)).double().cpu()
    kernel = products(replace(sight, loss=_margin_loss), chosen, draw)
    return dict(zip(missing, _shares(kernel, signal, held), strict=True))


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Right logit less the log of the sum of the others' exponentials, shape (n,).

    Args:
        logits: Shape (n, classes).
        labels: Shape (n,).
    """
    right = logits.gather(1, labels[:, None])[:, 0]
    return right - logits.scatter(1, labels[:, None], -math.inf).logsumexp(1)


def _margin_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return margin(outputs, targets).mean()


def _shares(kernel: Tensor, signal: Tensor, held: float) -> list[float]:
    """The measures, in their order.

    Args:
        kernel: Inner products of the margins' gradients, shape (n, n).
        signal: What is left of each example's signal, shape (n,).
        held: Part of the squared gradient that the modes that learn hold.
    """
    values, vectors = torch.linalg.eigh(kernel)
    values = values.flip(0).clamp_min(0)
    along = (vectors.flip(1).T @ signal).square()
    features, gradient = values / values.sum(), values * along / (values @ along)
    order = gradient.argsort(descending=True)
    # The fewest modes that hold that part: those before which less has been gathered.
    before = gradient[order].cumsum(0) - gradient[order]
    learning = order[before < held]
    starved = 1 - along[learning].sum() / along.sum()
    found = [
        signal.mean(),
        gradient[0],
        1 / gradient.square().sum(),
        1 / features.square().sum(),
        starved.clamp(0, 1),
    ]
    return [float(v) for v in torch.stack(found)]


PROBE = Probe(
    name="gradient_starvation",
    what="How many modes of the feature matrix share the gradient, and how much signal is starved.",
    measures=(
        Measure("signal", "1", "mean of 1 - p of the right class: what is left to learn from"),
        Measure("strongest", "1", "share of the squared gradient in the strongest mode"),
        Measure("modes", "modes", "how many share the squared gradient (inverse participation)"),
        Measure("feature_modes", "modes", "how many share the features' squared singular values"),
        Measure("starved", "1", "share of the squared signal outside the modes that learn"),
    ),
    run=run,
    cost=Cost(forwards=1, backwards=1),
    source="Pezeshki et al. 2021",
    needs=frozenset({"classes"}),
    # examples: the most that are read. held: part of the squared gradient that the fewest modes
    # must hold to be called those that learn.
    settings={"examples": 128, "held": 0.95},
)
