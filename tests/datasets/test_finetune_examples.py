"""Fine-tuning from zero examples on."""

from __future__ import annotations

import csv

import numpy as np

from forescale import datasets


def test_loss_falls_from_zero_examples_to_two_thousand():
    seen: dict[int, list[float]] = {}
    with datasets.path("finetune_examples").open() as file:
        for row in csv.DictReader(file):
            seen.setdefault(int(row["examples"]), []).append(float(row["loss"]))
    counts = sorted(seen)
    assert counts == [0] + [8 * 2**k for k in range(9)]
    mean = np.array([np.mean(seen[n]) for n in counts])
    assert (np.diff(mean) < 0).all()
    assert all(len(seen[n]) == 3 for n in counts if n)
    assert mean[-1] < 0.8 * mean[0]
