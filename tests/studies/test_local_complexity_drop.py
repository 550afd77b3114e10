"""What the study on local complexity is built of, on courses with known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.local_complexity_drop import halfway, shape, train


def test_a_course_is_cut_at_its_largest_rise() -> None:
    first, rise, last, peak = shape(np.array([10.0, 8.0, 9.0, 12.0, 6.0, 6.5]))
    assert (first, rise, last, peak) == (0.8, 1.5, 0.5, 3)


def test_a_course_that_only_rises_has_no_falls() -> None:
    assert shape(np.array([1.0, 2.0, 3.0])) == (1.0, 3.0, 1.0, 2)


def test_halfway_is_interpolated_and_a_flat_course_never_gets_there() -> None:
    steps = np.array([0, 10, 20, 40])
    assert halfway(steps, np.array([0.0, 0.2, 0.6, 1.0])) == pytest.approx(17.5)
    assert halfway(steps, np.array([3.0, 2.0, 1.0, -1.0])) == pytest.approx(20)
    assert halfway(steps, np.ones(4)) == 40


@pytest.mark.lab
def test_networks_side_by_side_train_as_one_by_itself() -> None:
    torch = pytest.importorskip("torch")
    from forescale.studies._digits import digits
    from forescale.studies.local_complexity_drop import DECAY, LR

    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    splits = [digits(rng, 30) for _ in range(2)]
    start, end = train(torch, splits, np.array([0, 5]), 0)
    alone, x = start[1], torch.from_numpy(splits[1].x)
    y = torch.nn.functional.one_hot(torch.from_numpy(splits[1].y), 10).float()
    optimizer = torch.optim.AdamW(alone.parameters(), lr=LR, weight_decay=DECAY)
    for _ in range(5):
        optimizer.zero_grad()
        (alone(x) - y).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(alone(x), end[1](x), rtol=1e-3, atol=1e-3)
