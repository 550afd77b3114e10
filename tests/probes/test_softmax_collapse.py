"""Absorption in each precision, where it begins."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402

pytestmark = pytest.mark.lab
#: Nats below the largest at which a class is rounded away: half of epsilon.
EDGES = {torch.float16: 11 * math.log(2), torch.float32: 24 * math.log(2),
         torch.float64: 53 * math.log(2)}  # fmt: skip


def read(logits, labels):
    model = torch.nn.Identity()
    batch = logits, torch.as_tensor(labels)
    return probes.read(probes.get("softmax_collapse"), model, batch).values


@pytest.mark.parametrize("dtype", EDGES)
def test_a_class_is_absorbed_beyond_the_edge_of_its_precision(dtype) -> None:
    for step, collapsed in ((-0.2, 0.0), (0.2, 1.0)):
        found = read(torch.tensor([[EDGES[dtype] + step, 0.0]], dtype=dtype), [0])
        assert found["collapsed"] == collapsed
        assert found["absorbed"] == collapsed
        assert found["floor"] == torch.finfo(dtype).eps


def test_a_wrong_answer_has_not_collapsed() -> None:
    assert read(torch.tensor([[40.0, 0.0]]), [1])["collapsed"] == 0.0


def test_what_is_lost_of_the_gradient_is_all_of_the_right_class_s() -> None:
    fine = read(torch.tensor([[2.0, 0.0, 0.0]]), [0])
    assert fine["lost_gradient"] < 1e-6
    # The right entry -2e^-20 is computed as 0, the wrong ones e^-20 as they are: 4 of 6 squares.
    gone = read(torch.tensor([[20.0, 0.0, 0.0]]), [0])
    assert gone["lost_gradient"] == pytest.approx((4 / 6) ** 0.5, rel=1e-5)
    assert gone["tail"] == pytest.approx(math.log10(2 * math.exp(-20)), rel=1e-6)
    wide = read(torch.tensor([[20.0, 0.0, 0.0]], dtype=torch.float64), [0])
    assert wide["lost_gradient"] < 1e-6


def test_float32_agrees_with_the_plain_reading_of_output_margin(classifier, examples) -> None:
    model, (x, y) = classifier().eval(), examples()
    with torch.no_grad():
        model[6].weight.mul_(300)
        y = model(x).argmax(1)
    plain = probes.read(probes.get("output_margin"), model, (x, y)).values["collapsed"]
    found = probes.read(probes.get("softmax_collapse"), model, (x, y)).values["collapsed"]
    assert 0 < found < 1
    assert found == plain


def test_one_class_or_no_prediction_has_no_numbers() -> None:
    assert all(math.isnan(v) for v in read(torch.zeros(3, 1), [0, 0, 0]).values())
    assert all(math.isnan(v) for v in read(torch.zeros(2, 3), [-100, -100]).values())
