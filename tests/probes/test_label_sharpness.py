"""Label sharpness: pairs by a loop, and functions whose slope is known."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402

pytestmark = pytest.mark.lab


def read(x, y, **settings):
    model = torch.nn.Linear(x[:1].numel(), 2, dtype=x.dtype)
    return probes.read("label_sharpness", model, (x, y), **settings).values


def cloud(n=40, d=3, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_it_is_the_largest_slope_of_a_plain_loop():
    x = cloud()
    for y in (torch.arange(40) % 3, cloud(d=1, seed=1)[:, 0]):
        slopes = [[0.0] * 40 for _ in range(40)]
        for i in range(40):
            for j in range(40):
                if i != j:
                    rise = float(y[i] != y[j]) if y.dtype == torch.long else float(abs(y[i] - y[j]))
                    slopes[i][j] = rise / float((x[i] - x[j]).norm())
        found = read(x, y)
        own = sorted(max(row) for row in slopes)
        assert found["label_sharpness"] == pytest.approx(own[-1])
        assert found["typical_sharpness"] == pytest.approx(own[19])


def test_a_linear_function_has_its_slope_and_scale_does_not_count_in_the_relative():
    x = cloud()
    w = torch.tensor([1.0, -2.0, 2.0], dtype=torch.float64)
    line = x[:, :1] @ w[:1]
    assert read(x[:, :1], line)["label_sharpness"] == pytest.approx(1)
    assert read(x, x @ w)["label_sharpness"] <= 3
    y = torch.arange(40) % 2
    one, ten = read(x, y), read(10 * x, y)
    assert ten["label_sharpness"] == pytest.approx(one["label_sharpness"] / 10)
    assert ten["relative_sharpness"] == pytest.approx(one["relative_sharpness"])


def test_classes_far_from_each_other_are_less_sharp_than_the_same_mixed():
    x, y = cloud(), torch.arange(40) % 2
    far = x + 20 * y[:, None]
    assert read(far, y)["relative_sharpness"] < 3
    assert read(x, y)["relative_sharpness"] > 4


def test_one_label_has_no_sharpness_and_equal_examples_have_no_end_of_it():
    x = cloud()
    assert math.isnan(read(x, torch.zeros(40, dtype=torch.long))["label_sharpness"])
    x[1] = x[0]
    assert read(x, torch.arange(40))["label_sharpness"] == math.inf
    x[2, 0] = math.nan
    assert math.isnan(read(x, torch.arange(40))["label_sharpness"])


def test_a_layer_s_features_and_fewer_points_can_be_read(model, batch):
    first = probes.read("label_sharpness", model, batch, layer="0").values
    assert first == pytest.approx(probes.read("label_sharpness", model, batch).values)
    last = probes.read("label_sharpness", model, batch, layer="6").values
    assert last["label_sharpness"] != first["label_sharpness"]
    fewer = probes.read("label_sharpness", model, batch, points=10).values
    assert fewer["label_sharpness"] <= first["label_sharpness"]


def test_images_are_flattened_and_missing_targets_are_said():
    x = cloud(d=4)
    assert read(x.reshape(40, 2, 2), torch.arange(40)) == read(x, torch.arange(40))
    with pytest.raises(BadOption, match="targets"):
        read(x, torch.arange(30))
