"""How fast the model's outputs vary from one example to another.

The outputs along the straight segment between two examples are a function of one variable. Its
cosine series says how high its frequencies are, its Chebyshev series what degree a polynomial
would need; both are summarised by the mean index, weighted by the coefficients' sizes. What is
constant does not count.

Source: Teney et al. 2024, "Neural Redshift: Random Networks are not Random Functions", on a grid
over few inputs; segments stand for it where inputs are many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._features import some

#: Inputs passed through the model at once.
ROWS = 4096
#: Variation of an output that counts as none, as part of its size.
FLAT = 1e-5


def run(sight: Sight) -> Mapping[str, float]:
    """Mean frequency and mean degree of the outputs over segments.

    Settings:
        segments: Examples from which a segment leads to another, drawn by lot, at most.
        points: Inputs on each segment, once evenly and once at Chebyshev's nodes.
    """
    count, points = int(sight.settings["segments"]), int(sight.settings["points"])
    given = sight.batch.inputs.detach()
    _checked(given, points)
    begin = some(len(given), count, sight.seed, given.device)
    generator = torch.Generator().manual_seed(sight.seed)
    shift = torch.randint(1, len(given), (len(begin),), generator=generator).to(begin)
    start, end = given[begin], given[(begin + shift) % len(given)]
    cosines = series(points).to(given.device)
    at = torch.arange(points, dtype=torch.float64)
    even = (at + 0.5) / points
    nodes = (1 + torch.cos(math.pi * even)) / 2
    found = {}
    for name, along in (("frequency", even), ("degree", nodes)):
        outputs = _outputs(sight, start, end, along.to(given.device))
        found[name] = mean_index(cosines @ outputs)
    still = found["frequency"].isnan()
    mean = found["frequency"].nanmean()
    spread = (found["frequency"] - mean).square().nanmean().sqrt()
    names = ("frequency", "degree", "spread", "flat")
    values = torch.stack([mean, found["degree"].nanmean(), spread, still.double().mean()])
    return dict(zip(names, values.tolist(), strict=True))


def series(points: int) -> Tensor:
    """The matrix that turns values into coefficients of cosines of 0, 1, ... half turns.

    Of values at even places they are the cosine series; of values at Chebyshev's nodes, from the
    last to the first, the coefficients of Chebyshev's polynomials.
    """
    at = torch.arange(points, dtype=torch.float64)
    matrix = 2 / points * torch.cos(math.pi / points * at[:, None] * (at + 0.5))
    matrix[0] /= 2
    return matrix


def mean_index(coefficients: Tensor) -> Tensor:
    """Mean index from 1 on, weighted by sizes; NaN where only the constant is there.

    Args:
        coefficients: Shape (segments, points, outputs), or any with these last two axes.

    Returns:
        Shape (segments, outputs).
    """
    sizes = coefficients[..., 1:, :].abs()
    index = torch.arange(1, sizes.shape[-2] + 1).to(sizes)
    whole = sizes.sum(-2)
    least = FLAT * coefficients[..., 0, :].abs()
    mean = (index[:, None] * sizes).sum(-2) / whole
    return torch.where(whole > least, mean, torch.nan)


def _outputs(sight: Sight, start: Tensor, end: Tensor, along: Tensor) -> Tensor:
    """Outputs on each segment, shape (segments, points, outputs), in double precision."""
    points = len(along)
    rows = []
    for a, b in zip(
        start.split(max(1, ROWS // points)), end.split(max(1, ROWS // points)), strict=True
    ):
        part = along.reshape(1, -1, *[1] * (start.ndim - 1)).to(start)
        x = a[:, None] + part * (b - a)[:, None]
        with torch.no_grad():
            out = sight.model(x.flatten(0, 1))
        rows.append(out.reshape(len(a), points, -1).double())
    return torch.cat(rows)


def _checked(inputs: Tensor, points: int) -> None:
    if not inputs.is_floating_point():
        raise BadOption(
            f"inputs of {inputs.dtype} have nothing between them",
            where="simplicity",
            fix="give floating point inputs, such as embeddings in place of tokens",
        )
    if len(inputs) < 2:
        raise BadOption("one example has no other", where="batch", fix="give two or more")
    if points < 4:
        raise BadOption(f"points is {points}", where="simplicity", fix="give 4 or more")


PROBE = Probe(
    name="simplicity",
    what="How fast the outputs vary on the way from one example to another.",
    measures=(
        Measure("frequency", "half turns", "mean frequency of the outputs along a segment"),
        Measure("degree", "1", "mean degree of their Chebyshev series"),
        Measure("spread", "half turns", "standard deviation of the frequency over segments"),
        Measure("flat", "share", "outputs that do not vary along their segment"),
    ),
    run=run,
    cost=Cost(forwards=64),
    source="Teney et al. 2024",
    settings={"segments": 64, "points": 32},
)
