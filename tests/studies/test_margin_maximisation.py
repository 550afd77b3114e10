"""The parts of the study of margin maximisation."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.maths.groups import cyclic, symmetric
from forescale.studies import margin_maximisation as study

pytestmark = pytest.mark.lab


def solution(p):
    """The paper's network: for each frequency neurons of phases a and b with that of the sum."""
    x = 2 * np.pi * np.arange(p) / p
    u, v, w = [], [], []
    for k in range(1, p // 2 + 1):
        for i in range(4):
            for j in range(4):
                a, b = i * np.pi / 2, j * np.pi / 2
                u.append(np.cos(k * x + a))
                v.append(np.cos(k * x + b))
                w.append(np.cos(k * x + a + b))
    return [np.array(q)[None] for q in (u, v, w)]


@pytest.mark.parametrize("p", [5, 7, 11])
def test_the_papers_network_has_the_largest_margin_and_its_neighbours_less(p):
    torch = pytest.importorskip("torch")
    table = torch.from_numpy(cyclic(p).table)
    rng = np.random.default_rng(0)

    def margin(weights):
        logits = study.outputs(weights)[0].view(p, p, p)
        right = logits.gather(2, table[..., None])
        wrong = logits.scatter(2, table[..., None], -torch.inf).amax(2, keepdim=True)
        return ((right - wrong).min() / study.cubed_norm(weights)[0]).item()

    best = solution(p)
    assert margin([torch.from_numpy(q) for q in best]) == pytest.approx(study.largest(p))
    for _ in range(3):
        near = [torch.from_numpy(q + 0.05 * rng.normal(size=q.shape)) for q in best]
        assert margin(near) < study.largest(p)


def test_one_frequency_is_pure_and_a_point_is_not():
    group = cyclic(7)
    waves = np.cos(2 * np.pi * np.arange(7) / 7 * np.array([[1], [2]]))
    assert study.purity(group, waves[None]) == pytest.approx([1])
    assert study.purity(group, np.eye(7)[None]) == pytest.approx([2 / 7])
    assert study.purity(symmetric(3), np.eye(6)[None]) == pytest.approx([4 / 6])
