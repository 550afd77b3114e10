"""The three regions of a data curve: chance, power law, floor."""

from __future__ import annotations

import csv
import math
from collections import defaultdict

import numpy as np
import pytest

from forescale import datasets

FLOOR = -0.9 * math.log(0.9) - 0.1 * math.log(0.1 / 9)


def means(name: str, value: str) -> dict[tuple[str, int], dict[int, float]]:
    """Mean over seeds of `value`, by (architecture, width) and number of examples."""
    seen: dict = defaultdict(lambda: defaultdict(list))
    with datasets.path(name).open() as file:
        for row in csv.DictReader(file):
            seen[row["arch"], int(row["width"])][int(row["examples"])].append(float(row[value]))
    return {k: {n: float(np.mean(v)) for n, v in d.items()} for k, d in seen.items()}


@pytest.mark.parametrize(
    ("name", "counts", "seeds", "small"), [("digits_mlp", 15, 5, 8), ("teacher_curves", 13, 3, 4)]
)
def test_two_architectures_of_two_widths_at_every_count(name, counts, seeds, small):
    curves = means(name, "loss")
    assert sorted(curves) == [("cnn", small), ("cnn", 2 * small), ("mlp", 64), ("mlp", 256)]
    assert all(len(curve) == counts for curve in curves.values())
    with datasets.path(name).open() as file:
        assert len(list(csv.DictReader(file))) == 4 * counts * seeds


@pytest.mark.parametrize("name", ["digits_mlp", "teacher_curves"])
@pytest.mark.parametrize("value", ["loss", "error"])
def test_four_times_the_examples_never_hurt(name, value):
    for curve in means(name, value).values():
        for n in curve:
            more = [m for m in curve if m >= 4 * n]
            if more:
                assert curve[min(more)] < 1.01 * curve[n]


def test_signals_start_at_chance_and_stay_above_the_known_floor():
    for curve in means("teacher_curves", "loss").values():
        assert curve[8] == pytest.approx(math.log(10), abs=0.05)
        assert FLOOR < min(curve.values()) < 2 * FLOOR
    for curve in means("teacher_curves", "error").values():
        assert curve[8] > 0.8
        assert 0.09 < min(curve.values()) < 0.2


def test_digits_reach_a_few_percent_error():
    for curve in means("digits_mlp", "error").values():
        assert curve[1280] < 0.04
