"""Opposing signals: groups of examples whose large gradients point against each other.

A few outliers can hold most of the gradient, in two groups that cancel in the mean; training then
walks a narrow valley between them. Pairs of examples tell how many gradients oppose and how hard.
The direction that holds most of all examples' squared gradients tells the groups: those that push
one way along it and those that push the other.

Source: Rosenfeld & Risteski 2023, "Outliers with Opposing Signals Have an Outsized Effect on Neural
Network Optimization". The paper finds its groups by the change of each loss over a step; to first
order that is the product of an example's gradient with the mean, read here as `harmed`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight, _examples

#: Entries of all gradients together that are kept whole: 256 MiB in single precision.
ENTRIES = 2**26
#: Entries that each is sketched to if they have more; a cosine is then off by 1/sqrt: 0.004.
WIDTH = 2**16


def run(sight: Sight) -> Mapping[str, float]:
    """Opposition among pairs, and the two groups along the strongest direction."""
    most = sight.settings["examples"]
    if not isinstance(most, int) or isinstance(most, bool) or most < 2:
        raise BadOption(
            f"pairs among {most!r} examples", where="examples", fix="2 or more, as in examples=256"
        )
    n = len(sight.batch)
    missing = {m.name: math.nan for m in PROBE.measures}
    if n < 2 or not _examples.separable(sight):
        return missing
    draw = torch.Generator().manual_seed(sight.seed)
    chosen = torch.randperm(n, generator=draw)[:most]
    dots = products(sight, chosen, draw)
    # An example without a gradient opposes none and agrees with none.
    kept = dots.diagonal() > 0
    dots = dots[kept][:, kept]
    if len(dots) < 2:
        return missing
    return {**_pairs(dots), **_groups(dots)}


def products(sight: Sight, chosen: Tensor, draw: torch.Generator) -> Tensor:
    """Inner products of examples' gradients, shape (n, n), in double precision on the CPU.

    Long gradients are count-sketched (Charikar, Chen & Farach-Colton 2002): each entry is added to
    a random place with a random sign, which keeps inner products right in the mean.

    Args:
        sight: What the probe sees; its model must be separable.
        chosen: Which examples, shape (n,).
        draw: Source of the places and signs.
    """
    params = _examples.trained(sight)
    device = sight.parameters()[0].device
    exact = len(chosen) * sum(p.numel() for p in params.values()) <= ENTRIES
    places: dict[str, tuple[Tensor, Tensor]] = {}
    if not exact:
        for name, p in params.items():
            place = torch.randint(WIDTH, (p.numel(),), generator=draw)
            sign = 2 * torch.randint(2, (p.numel(),), generator=draw) - 1
            places[name] = (place.to(device), sign.to(device))
    rows = []
    for block in _examples.gradients(sight, chosen):
        whole = {
            n: (g if g.dtype in (torch.float32, torch.float64) else g.float()).to(device)
            for n, g in block.items()
        }
        first = next(iter(whole.values()))
        if exact:
            rows.append(torch.cat(list(whole.values()), dim=1))
            continue
        sketch = first.new_zeros(len(first), WIDTH)
        for name, g in whole.items():
            place, sign = places[name]
            sketch.index_add_(1, place, (g * sign).to(sketch))
        rows.append(sketch)
    every = torch.cat(rows)
    dots = torch.zeros(len(every), len(every), dtype=torch.float64, device=device)
    # Short sums in the gradients' precision, added in double: four times faster than all in double.
    for part in every.split(4096, dim=1):
        dots += part @ part.T
    return dots.cpu()


def _pairs(dots: Tensor) -> dict[str, float]:
    """What pairs of two examples say."""
    n = len(dots)
    first, second = torch.triu_indices(n, n, offset=1)
    size = dots.diagonal().sqrt()
    pairs = dots[first, second]
    cosines = (pairs / (size[first] * size[second])).clamp(-1, 1).sort().values
    whole = float(pairs.abs().sum())
    return {
        "cosine_mean": float(cosines.mean()),
        "cosine_low": float(cosines[(len(cosines) - 1) // 20]),
        "cosine_least": float(cosines[0]),
        "opposed": float(-pairs.clamp(max=0).sum()) / whole if whole > 0 else 0.0,
        "harmed": float((dots.sum(1) < 0).double().mean()),
    }


def push(dots: Tensor) -> tuple[Tensor, Tensor]:
    """The strongest direction's part of all squared gradients, and each example's push along it.

    Args:
        dots: Inner products of examples' gradients, shape (n, n).

    Returns:
        A scalar; shape (n,), of norm 1: examples of one sign are a group, the others oppose it.
    """
    values, vectors = torch.linalg.eigh(dots)
    return values[-1] / dots.diagonal().sum(), vectors[:, -1]


def _groups(dots: Tensor) -> dict[str, float]:
    """What the strongest direction says: an example's push along it is an eigenvector's entry."""
    part, pushed = push(dots)
    one, other = pushed.clamp(min=0).sum(), -pushed.clamp(max=0).sum()
    return {
        "strongest": float(part),
        "balance": float(torch.minimum(one, other) / torch.maximum(one, other)),
        "outliers": float(1 / pushed.pow(4).sum()),
    }


PROBE = Probe(
    name="opposing_signals",
    what="How many examples' gradients oppose, how hard, and whether two groups of them cancel.",
    measures=(
        Measure("cosine_mean", "1", "mean cosine of two examples' gradients"),
        Measure("cosine_low", "1", "cosine that one pair in twenty stays below"),
        Measure("cosine_least", "1", "cosine of the pair that opposes most"),
        Measure("opposed", "1", "share of all pairs' |g.g'| where g.g' < 0; 1/2 at random"),
        Measure("harmed", "1", "share of examples whose loss a small step of the batch raises"),
        Measure("strongest", "1", "share of all squared gradients along the strongest direction"),
        Measure("balance", "1", "the weaker group's push along it over the stronger's; 1 cancels"),
        Measure("outliers", "examples", "how many examples hold it (inverse participation ratio)"),
    ),
    run=run,
    cost=Cost(backwards=1),
    source="Rosenfeld & Risteski 2023",
    needs=frozenset({"targets", "loss"}),
    settings={"examples": 128},
)
