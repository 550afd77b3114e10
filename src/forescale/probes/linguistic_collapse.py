"""How far a language model's last features collapse by the token that comes next.

A text has more tokens than a model has dimensions, tokens of every frequency, and contexts that
leave the next one open: features cannot fall to one point a class, and the classes' means cannot
be a simplex. What can be seen is how far they go towards it: variability within a class, the
spread of the means over the sphere, their duality with the head, and how often the nearest mean
names the token that the head does.

Source: Wu & Papyan 2024, "Linguistic Collapse: Neural Collapse in (Large) Language Models".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._features import given_to, real
from forescale.probes.neural_collapse import against, between, classes_of, within


def run(sight: Sight) -> Mapping[str, float]:
    """Collapse over every position of the batch; NaN with fewer than two classes.

    A class is a token that comes next, and needs several contexts: with one its scatter is 0 by
    construction. Numbers change with how many contexts a class has, so compare readings of the
    same batch. Duality and agreement are NaN unless the layer is an nn.Linear with a row for
    every token.

    Settings:
        layer: The module whose input is read; None for the nn.Linear that is called last.
        held_out: Inputs that the agreement is read on, at one forward pass of theirs; None for
            the batch itself.
        least: Contexts that a token must have to count.
        most: At most this many tokens are read, the most frequent; memory grows with its square.
    """
    layer, held_out, least, most = (
        sight.settings[name] for name in ("layer", "held_out", "least", "most")
    )
    if least < 1 or most < 2:
        raise BadOption(
            f"least = {least} contexts and most = {most} tokens leave no two classes",
            where="least, most",
            fix="as in least=2, most=1000",
        )
    name, rows, labels = positions(sight, layer)
    kept = frequent(labels, least, most)
    rows, labels = rows[kept], labels[kept]
    there = int(torch.unique(labels).numel())
    counted = {"classes": float(there), "positions": float(len(labels))}
    if there < 2 or not bool(rows.isfinite().all()):
        return {**{m.name: math.nan for m in PROBE.measures}, **counted}
    judged = rows
    if held_out is not None:
        if not isinstance(held_out, Tensor) or len(held_out) == 0:
            raise BadOption(
                "held_out is no tensor of examples", where="held_out", fix="give inputs alone"
            )
        (seen,) = given_to(sight, (name,), held_out).values()
        judged = real(seen).reshape(-1, seen.shape[-1])
    classes = classes_of(rows, labels)
    inside = within(classes, torch.finfo(rows.dtype).eps)
    apart = between(classes.means)
    dual = against(classes, dict(sight.model.named_modules())[name], judged.double())
    numbers = {
        "cdnv": inside["cdnv"],
        "nc1_quotient": inside["nc1_quotient"],
        **{n: apart[n] for n in ("nc2_equinorm", "gnc2_mean", "gnc2_variance")},
        **{n: dual[n] for n in ("nc3_cosine", "unc3", "nc4")},
    }
    values = torch.stack(list(numbers.values())).tolist()
    return {**dict(zip(numbers, values, strict=True)), **counted}


def positions(sight: Sight, layer: str | None) -> tuple[str, Tensor, Tensor]:
    """The layer's name, and its features and next tokens at all positions that have one.

    Args:
        sight: The model and the batch.
        layer: The module whose input is read; None for the nn.Linear that is called last.

    Returns:
        Name; features, shape (m, d); tokens, shape (m,).

    Raises:
        BadOption: If the targets are not one token a position of the features.
    """
    ((name, seen),) = given_to(sight, None if layer is None else (layer,)).items()
    targets = sight.batch.targets
    assert targets is not None
    if targets.is_floating_point() or seen.shape[:-1] != targets.shape:
        raise BadOption(
            f"layer {name!r} is given features of shape {tuple(seen.shape)}, the targets are "
            f"{targets.dtype} of shape {tuple(targets.shape)}",
            where="batch",
            fix="give the next token of every position the layer sees, below 0 where there is none",
        )
    labels = targets.reshape(-1).to(seen.device)
    rows = real(seen).reshape(-1, seen.shape[-1])
    return name, rows[labels >= 0], labels[labels >= 0]


def frequent(labels: Tensor, least: int, most: int) -> Tensor:
    """Which positions have a token that counts, shape (m,).

    Args:
        labels: Token of each position, shape (m,).
        least: Contexts that a token must have.
        most: How many tokens, the most frequent first; of equals the lower number.
    """
    _, index, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    order = counts.argsort(descending=True, stable=True)[:most]
    chosen = torch.zeros_like(counts, dtype=torch.bool)
    chosen[order] = counts[order] >= least
    return chosen[index]


PROBE = Probe(
    name="linguistic_collapse",
    what="How far a language model's last features collapse by the token that comes next.",
    measures=(
        Measure("cdnv", "1", "class-distance normalised variance, mean over pairs of tokens"),
        Measure("nc1_quotient", "1", "scatter within tokens over scatter between their means"),
        Measure("nc2_equinorm", "1", "spread of the means' norms over their mean"),
        Measure("gnc2_mean", "1", "mean log of 1/distance of unit means; less is more uniform"),
        Measure("gnc2_variance", "1", "variance of the same over pairs; 0 is uniform"),
        Measure("nc3_cosine", "1", "mean cosine of a token's weights and mean; 1 is duality"),
        Measure("unc3", "1", "variance of the same over tokens; 0 is uniform duality"),
        Measure("nc4", "1", "share of positions where head and nearest mean agree"),
        Measure("classes", "1", "tokens with contexts enough"),
        Measure("positions", "1", "positions read"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Wu & Papyan 2024",
    needs=frozenset({"targets"}),
    settings={"layer": None, "held_out": None, "least": 2, "most": 1000},
)
