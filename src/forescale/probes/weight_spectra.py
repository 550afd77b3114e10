"""How heavy the tail of each weight matrix's spectrum is.

The eigenvalues of W^T W of well trained layers end in a power law; its exponent, with the
matrix's size, tells layers and models apart without data. The tail begins where the power law
fits best by the Kolmogorov-Smirnov distance.

Sources: Martin & Mahoney 2021, "Implicit Self-Regularization in Deep Neural Networks: Evidence
from Random Matrix Theory and Implications for Learning" (the exponents); Clauset, Shalizi &
Newman 2009, "Power-Law Distributions in Empirical Data" (where the tail begins).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

import torch
from torch import Tensor

from forescale.errors import BadOption, check_level
from forescale.probes import Cost, Measure, Probe, Sight


def run(sight: Sight) -> Mapping[str, float]:
    """Exponent, its interval, fit and sizes of each weight matrix; the batch is not looked at.

    A tensor of more than two axes is read as one row an output. The interval is that of the
    exponent where the tail begins as found: it does not know that the beginning was chosen. With
    fewer than twice `least` eigenvalues there is no exponent.

    Settings:
        least: Eigenvalues that a tail must have.
        level: Probability of the interval.
    """
    least, level = sight.settings["least"], sight.settings["level"]
    check_level(level, fix="as in level=0.95")
    if least < 2:
        raise BadOption(f"least = {least} eigenvalues are no tail", where="least", fix="give 2 up")
    weights = {
        n.removesuffix(".weight"): p.detach().flatten(1)
        for n, p in sight.model.named_parameters()
        if p.ndim > 1
    }
    if not weights:
        raise BadOption(
            "the model has no weight matrix", where="model", fix="read a model that has one"
        )
    found: dict[str, float] = {}
    width = NormalDist().inv_cdf(0.5 + level / 2)
    # One transfer from the device for all.
    rows = torch.stack([spectrum(w, least) for w in weights.values()]).tolist()
    for layer, (alpha, ks, tail, xmin, total, top) in zip(weights, rows, strict=True):
        error = width * (alpha - 1) / math.sqrt(max(tail, 1.0))
        numbers = {
            "alpha": alpha,
            "alpha_low": alpha - error,
            "alpha_high": alpha + error,
            "ks": ks,
            "tail": tail,
            "xmin": xmin,
            "log_norm": math.log10(total) if total > 0 else math.nan,
            "weighted_alpha": alpha * math.log10(top) if top > 0 else math.nan,
        }
        found |= {f"{name}/{layer}": value for name, value in numbers.items()}
    return found


def spectrum(weight: Tensor, least: int) -> Tensor:
    """What `power_law` finds in the eigenvalues of W^T W, their sum and the largest; shape (6,).

    Args:
        weight: Shape (rows, columns).
        least: Eigenvalues that the tail must have.
    """
    if not bool(weight.isfinite().all()):
        return weight.new_full((6,), torch.nan, dtype=torch.float64)
    squares = torch.linalg.svdvals(weight.double()).square()
    return torch.stack([*power_law(squares, least), squares.sum(), squares.max()])


def power_law(values: Tensor, least: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Exponent, distance, size and beginning of the best power-law tail; NaN where there is none.

    Args:
        values: What may have a tail, shape (m,).
        least: Values that the tail must have.
    """
    nothing = values.new_full((4,), torch.nan)
    x = values[values > 0].sort(descending=True).values
    if len(x) < 2 * least:
        return nothing[0], nothing[1], nothing[2], nothing[3]
    logs = x.log()
    sizes = torch.arange(1, len(x) + 1, device=x.device, dtype=x.dtype)
    above = logs.cumsum(0) - sizes * logs
    rates = sizes / above
    distances = []
    for k in range(least, len(x) + 1):
        # Share of the tail at or above each value, by the law and as it is.
        law = torch.exp(-rates[k - 1] * (logs[:k] - logs[k - 1]))
        seen = sizes[:k] / k
        distances.append(torch.maximum((law - seen).abs(), (law - seen + 1 / k).abs()).amax())
    every = torch.stack(distances).nan_to_num(nan=torch.inf)
    best = every.argmin() + least - 1
    return 1 + rates[best], every.min(), sizes[best], x[best]


PROBE = Probe(
    name="weight_spectra",
    what="How heavy the tail of each weight matrix's spectrum is.",
    measures=(
        Measure("alpha/*", "1", "exponent of the tail of the eigenvalues of W^T W"),
        Measure("alpha_low/*", "1", "lower end of its interval, the tail's beginning as found"),
        Measure("alpha_high/*", "1", "upper end"),
        Measure("ks/*", "1", "distance of the tail from the power law; 0 is a perfect fit"),
        Measure("tail/*", "1", "eigenvalues in the tail"),
        Measure("xmin/*", "1", "eigenvalue at which it begins"),
        Measure("log_norm/*", "1", "log10 of the squared Frobenius norm"),
        Measure("weighted_alpha/*", "1", "exponent times log10 of the largest eigenvalue"),
    ),
    run=run,
    # No pass at all: what the decompositions take is less than one on most models.
    cost=Cost(forwards=1),
    source="Martin & Mahoney 2021; Clauset et al. 2009",
    settings={"least": 5, "level": 0.95},
)
