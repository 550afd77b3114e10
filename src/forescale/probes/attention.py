"""How large attention's scores are, and how many places its queries look at.

Scores that grow make the softmax look at one place alone, whose gradient then vanishes: the
largest score tells an instability of wide models before the loss does, and a fall of the entropy
is how it shows.

Sources: Wortsman et al. 2024, "Small-scale proxies for large-scale Transformer training
instabilities" (the largest score); Zhai et al. 2023, "Stabilizing Transformer Training by
Preventing Attention Entropy Collapse" (the entropy).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._attention import Heads, attention_of


def run(sight: Sight) -> Mapping[str, float]:
    """Largest score and mean entropy of all attention, of each layer and of each head.

    Seen is attention by torch's nn.MultiheadAttention or F.scaled_dot_product_attention. Where
    there is none `heads` is 0, and the rest NaN. What a layer computes more than once is numbered
    on, as in "layer#2".
    """
    found = named(attention_of(sight.model, sight.batch.inputs))
    names = ("largest_logit", "entropy", "least_entropy")
    if not found:
        return {**dict.fromkeys(names, math.nan), "heads": 0.0}
    largest = torch.cat([heads.largest for heads in found.values()])
    entropy = torch.cat([heads.entropy for heads in found.values()])
    # One transfer from the device for all.
    high, open_ = torch.stack([largest, entropy]).tolist()
    numbers = dict(zip(names, summary(high, open_), strict=True))
    begin = 0
    for layer, heads in found.items():
        own = slice(begin, begin + len(heads.largest))
        for name, value in zip(names, summary(high[own], open_[own]), strict=True):
            numbers[f"{name}/{layer}"] = value
        for i, (top, wide) in enumerate(zip(high[own], open_[own], strict=True)):
            numbers[f"largest_logit/{layer}/{i}"] = top
            numbers[f"entropy/{layer}/{i}"] = wide
        begin = own.stop
    return {**numbers, "heads": float(len(high))}


def summary(largest: list[float], entropy: list[float]) -> tuple[float, float, float]:
    """Largest score, mean entropy and least entropy over heads; NaN where one of them is.

    Args:
        largest: Largest score of each.
        entropy: Mean entropy of each.
    """
    known = not any(math.isnan(v) for v in (*largest, *entropy))
    if not known:
        return math.nan, math.nan, math.nan
    return max(largest), sum(entropy) / len(entropy), min(entropy)


def named(found: list[Heads]) -> dict[str, Heads]:
    """By layer; what a layer computes again is numbered on."""
    layers: dict[str, Heads] = {}
    for heads in found:
        name, again = heads.layer, 2
        while name in layers:
            name, again = f"{heads.layer}#{again}", again + 1
        layers[name] = heads
    return layers


PROBE = Probe(
    name="attention",
    what="How large attention's scores are, and how many places its queries look at.",
    measures=(
        Measure("largest_logit*", "nats", "largest score: of all, /LAYER, /LAYER/HEAD"),
        Measure("entropy*", "nats", "mean entropy of a query's weights: of all and by the same"),
        Measure("least_entropy*", "nats", "the same of the head in which it is least"),
        Measure("heads", "1", "heads that were seen"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Wortsman et al. 2024",
)
