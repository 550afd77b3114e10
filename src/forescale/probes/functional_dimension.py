"""How many parameters the function really has around where it stands.

The outputs on many points are a function of the parameters; the rank of its Jacobian counts the
directions in which moving the parameters moves the outputs. Scaling a ReLU unit's inputs up and
its outputs down by as much moves nothing, so that a ReLU network falls short by one for each hidden
unit at least; what else is missing are hidden symmetries, or points too few or badly placed.

Source: Grigsby, Lindsey & Rolnick 2023, "Hidden symmetries of ReLU networks".
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._examples import separable, trained
from forescale.probes._features import some

#: Entries of the largest Jacobian that is written out, 1 GiB in double precision.
MOST = 2**27
NAMES = ("rank", "parameters", "share", "missing", "points_share")


def run(sight: Sight) -> Mapping[str, float]:
    """Rank of the Jacobian of the outputs over points, and what it falls short of.

    Settings:
        points: Examples that the Jacobian is taken at, at most.
        tolerance: Singular values below this part of the largest count as 0, after each column
            is brought to length 1; None for 1e-9. The model is
            read in double precision.
    """
    given = sight.batch.inputs
    chosen = given[some(len(given), int(sight.settings["points"]), sight.seed, given.device)]
    tolerance = sight.settings["tolerance"]
    least = 1e-9 if tolerance is None else float(tolerance)
    if not 0 < least < 1:
        raise BadOption(
            f"tolerance is {least}", where="functional_dimension", fix="between 0 and 1"
        )
    if not separable(sight):
        # The output of one example depends on the others: it has no derivatives of its own.
        return dict.fromkeys(NAMES, math.nan)
    rows = jacobian(sight, chosen)
    rank = jacobian_rank(rows, least)
    count, parameters = rows.shape
    full = min(count, parameters)
    missing = float(parameters - rank) if count >= parameters else math.nan
    values = (float(rank), float(parameters), rank / parameters, missing, rank / full)
    return dict(zip(NAMES, values, strict=True))


def jacobian(sight: Sight, inputs: Tensor) -> Tensor:
    """Derivatives of all outputs in all parameters that train, in double precision.

    Args:
        sight: Its model is read; where it is a module that cannot be vectorised, one example at a
            time.
        inputs: Shape (n, ...).

    Returns:
        Shape (n * outputs, parameters).

    Raises:
        BadOption: If it would not fit.
    """
    params = {n: p.detach().double() for n, p in trained(sight).items()}
    # All in double: at single precision rounding hides which singular values are 0.
    others = {
        n: v.detach().double() if v.is_floating_point() else v
        for n, v in (*sight.model.named_parameters(), *sight.model.named_buffers())
        if n not in params
    }
    inputs = inputs.double() if inputs.is_floating_point() else inputs

    def outputs(given: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(sight.model, {**others, **given}, (x[None],)).flatten()

    size = sum(p.numel() for p in params.values())
    with torch.no_grad():
        each = outputs(params, inputs[0]).numel()
    if len(inputs) * each * size > MOST:
        raise BadOption(
            f"a Jacobian of {len(inputs) * each} outputs in {size} parameters is too large",
            where="functional_dimension",
            fix=f"give points below {MOST // (each * size)}, or a smaller model",
        )
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*batching rule.*")
            found = vmap(jacrev(outputs), in_dims=(None, 0), randomness="different")(params, inputs)
    except (RuntimeError, ValueError, TypeError):
        parts = [jacrev(outputs)(params, x) for x in inputs]
        found = {n: torch.stack([p[n] for p in parts]) for n in params}
    return torch.cat([g.reshape(len(inputs) * each, -1) for g in found.values()], 1)


def jacobian_rank(rows: Tensor, tolerance: float) -> int:
    """Number of singular values above a part of the largest, columns brought to length 1.

    Args:
        rows: Shape (outputs, parameters), in double precision.
        tolerance: The part.
    """
    lengths = rows.norm(dim=0)
    rows = rows / torch.where(lengths > 0, lengths, 1.0)
    if rows.shape[0] > rows.shape[1]:
        # The triangle has the same singular values.
        rows = torch.linalg.qr(rows, mode="r").R
    values = torch.linalg.svdvals(rows)
    return int((values > tolerance * values[0]).sum())


PROBE = Probe(
    name="functional_dimension",
    what="How many parameters the function really has around where it stands.",
    measures=(
        Measure("rank", "1", "directions in which parameters move the outputs on the points"),
        Measure("parameters", "1", "parameters that train"),
        Measure("share", "1", "rank over parameters"),
        Measure("missing", "1", "parameters less rank; NaN where there are fewer outputs"),
        Measure("points_share", "1", "rank over the lesser of outputs and parameters"),
    ),
    run=run,
    # One to count the outputs of an example, one with a backward pass an output: three or so.
    cost=Cost(forwards=1, backwards=10),
    source="Grigsby, Lindsey & Rolnick 2023",
    settings={"points": 1024, "tolerance": None},
)
