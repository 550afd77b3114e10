"""What the study on bottlenecks is built of, against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.bottleneck_and_gap import LR, ZOO, Recipe, train, within


def test_parameters_are_counted() -> None:
    assert Recipe(8, 0.0, 1.0).parameters == 64 * 8 + 8 * 8 + 8 * 10


def test_within_a_width_neither_level_nor_slope_between_widths_counts() -> None:
    rng = np.random.default_rng(0)
    gap = rng.random((3, len(ZOO)))
    moved = gap - 10 * np.array([r.width for r in ZOO])
    np.testing.assert_allclose(within(moved, gap), 1)
    np.testing.assert_allclose(within(-moved, gap), -1)


@pytest.mark.lab
def test_a_narrow_network_in_the_zoo_trains_as_one_by_itself() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from forescale.studies._digits import digits

    splits = [digits(np.random.default_rng(0), 40)]
    (start,), (end,) = train(torch, splits, 0, 3), train(torch, splits, 4, 3)
    x, y = torch.from_numpy(splits[0].x), torch.from_numpy(splits[0].y)
    which = 3
    assert ZOO[which].width == 8
    alone = start[which]
    assert sum(p.numel() for p in alone.parameters()) == ZOO[which].parameters
    optimizer = torch.optim.Adam(alone.parameters(), lr=LR)
    for _ in range(4):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(alone(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            for p in alone.parameters():
                p.mul_(1 - LR / 10 * ZOO[which].decay)
    torch.testing.assert_close(alone(x), end[which](x), rtol=1e-3, atol=1e-3)
