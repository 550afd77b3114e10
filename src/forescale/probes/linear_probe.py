"""How well a linear read-out of each layer's features tells the classes.

Source: Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes".
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from forescale.errors import BadOption
from forescale.probes import Cost, Measure, Probe, Sight
from forescale.probes._features import features_of


def run(sight: Sight) -> Mapping[str, float]:
    """Accuracy on examples left out of the read-out's fit, by layer, and that of the commonest.

    The read-out is a ridge regression of the classes as one-hot vectors on standardised
    features. NaN with features that are not finite, or fewer examples than folds.

    Settings:
        layers: Names of modules whose inputs are read; None for every nn.Linear.
        folds: Parts, each of which is left out once; drawn by the seed.
        ridge: Penalty on the read-out's squares, in examples; more where features are many.
    """
    asked, folds, ridge = (sight.settings[n] for n in ("layers", "folds", "ridge"))
    if isinstance(asked, str) or (asked is not None and len(asked) == 0):
        raise BadOption(
            f"layers = {asked!r} is no list of names", where="layers", fix='as in layers=("0", "4")'
        )
    if folds < 2 or not ridge > 0:
        raise BadOption(
            f"folds = {folds} and ridge = {ridge} fit no read-out",
            where="folds, ridge",
            fix="give 2 folds or more and a ridge above 0",
        )
    if asked is None:
        asked = [n for n, m in sight.model.named_modules() if isinstance(m, nn.Linear)]
    found = features_of(sight, asked or None)
    assert sight.batch.targets is not None
    labels = sight.batch.targets.to(found[0].values.device)
    n = len(labels)
    # On the CPU, so that the folds are the same on any device.
    order = torch.randperm(n, generator=torch.Generator().manual_seed(sight.seed))
    fold = torch.empty(n, dtype=torch.long)
    fold[order] = torch.arange(n) % folds
    _, index, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    rates = [read_out(f.values.double(), index, fold.to(index.device), folds, ridge) for f in found]
    *accuracies, commonest = torch.stack([*rates, counts.max() / n]).tolist()
    numbers = {f"accuracy/{f.layer}": a for f, a in zip(found, accuracies, strict=True)}
    return {**numbers, "commonest": commonest}


def read_out(rows: Tensor, index: Tensor, fold: Tensor, folds: int, ridge: float) -> Tensor:
    """Share of examples told right by read-outs that were fitted without them.

    Args:
        rows: Features, shape (n, d).
        index: Class of each, counted from 0, shape (n,).
        fold: Part of each, shape (n,).
        folds: Parts.
        ridge: Penalty, in examples.
    """
    if len(rows) < folds or not bool(rows.isfinite().all()):
        return rows.new_full((), math.nan)
    wanted = nn.functional.one_hot(index).to(rows)
    right = torch.zeros_like(index, dtype=torch.bool)
    for part in range(folds):
        out = fold == part
        kept, told = rows[~out], wanted[~out]
        mean, level = kept.mean(0), told.mean(0)
        # A feature that does not vary says nothing, and has no spread to be divided by.
        spread = kept.std(0, correction=0)
        scale = torch.where(spread > 1e-12 * kept.abs().amax(0), 1 / spread, 0.0)
        x = (kept - mean) * scale
        new = (rows[out] - mean) * scale
        n, d = x.shape
        if d <= n:
            gram = x.T @ x + ridge * torch.eye(d, dtype=x.dtype, device=x.device)
            said = new @ torch.linalg.solve(gram, x.T @ (told - level))
        else:
            gram = x @ x.T + ridge * torch.eye(n, dtype=x.dtype, device=x.device)
            said = new @ (x.T @ torch.linalg.solve(gram, told - level))
        right[out] = (said + level).argmax(1) == index[out]
    return right.double().mean()


PROBE = Probe(
    name="linear_probe",
    what="How well a linear read-out of each layer's features tells the classes.",
    measures=(
        Measure("accuracy/*", "1", "share right of examples left out of the read-out's fit"),
        Measure("commonest", "1", "share of the commonest class: what knowing nothing gives"),
    ),
    run=run,
    cost=Cost(forwards=1),
    source="Alain & Bengio 2017",
    needs=frozenset({"targets", "classes"}),
    settings={"layers": None, "folds": 5, "ridge": 1.0},
)
