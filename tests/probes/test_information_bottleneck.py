"""Information in a layer against plain loops and layers that keep a known amount."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.probes import read  # noqa: E402
from forescale.probes.information_bottleneck import information  # noqa: E402

pytestmark = pytest.mark.lab


def test_bounds_are_those_of_a_loop_over_pairs() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(12, 3, dtype=torch.float64), torch.arange(12) % 2
    variance = 0.4**2 * float((z - z.mean(0)).square().sum(1).mean())
    slow = []
    for spread, apart in ((2, False), (8, False), (2, True)):
        total = 0.0
        for i in range(12):
            others = [j for j in range(12) if apart or y[j] == y[i]]
            near = [
                math.exp(-float((z[i] - z[j]).square().sum()) / spread / variance) for j in others
            ]
            total -= math.log(sum(near) / len(near)) / 12
        slow.append(total)
    above, below, whole, label = (float(v) for v in information(z, y, 0.4))
    assert [above, below, whole] == pytest.approx(slow)
    assert label == pytest.approx(whole - above)
    assert 0 < below < above < whole


def test_collapsed_classes_keep_the_label_and_nothing_else() -> None:
    y = torch.arange(40) % 4
    z = 100 * torch.nn.functional.one_hot(y, 4).double()
    above, _, whole, label = information(z, y, 0.05)
    assert float(above) == pytest.approx(0, abs=1e-9)
    assert float(whole) == pytest.approx(math.log(4))
    assert float(label) == pytest.approx(math.log(4))


def test_with_no_noise_every_example_is_told_and_with_much_none() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(30, 5), torch.arange(30) % 3
    assert float(information(z, y, 1e-3)[2]) == pytest.approx(math.log(30))
    assert float(information(z, y, 1e-3)[0]) == pytest.approx(math.log(10))
    assert float(information(z, y, 100.0)[2]) == pytest.approx(0, abs=1e-3)


def test_a_gaussian_layer_keeps_what_its_channel_can_carry() -> None:
    """One Gaussian unit of variance 1 under noise of variance s^2: log(1 + 1/s^2)/2."""
    torch.manual_seed(0)
    z, y = torch.randn(1500, 1, dtype=torch.float64), torch.zeros(1500, dtype=torch.long)
    above, below, _, _ = (float(v) for v in information(z, y, 0.3))
    assert below < 0.5 * math.log(1 + 1 / 0.3**2) < above


def test_neither_scale_nor_place_counts_and_equal_rows_tell_nothing() -> None:
    torch.manual_seed(0)
    z, y = torch.randn(20, 4, dtype=torch.float64), torch.arange(20) % 2
    torch.testing.assert_close(information(7 * z + 3, y, 0.2), information(z, y, 0.2))
    assert math.isnan(float(information(torch.full((6, 2), 0.3), y[:6], 0.2)[0]))


def test_layers_are_read_by_name_and_bad_settings_are_said(model, batch) -> None:
    found = read("information_bottleneck", model, batch, layers=("4", "6")).values
    kinds = ("conditional", "conditional_lower", "input", "label")
    assert set(found) == {f"{k}/{n}" for k in kinds for n in ("4", "6")}
    for settings, says in (({"layers": "4"}, "no list"), ({"noise": 0.0}, "noise is")):
        with pytest.raises(BadOption, match=says):
            read("information_bottleneck", model, batch, **settings)
