"""Ghosts norm their own parts, distances are Euclidean, and fits tell a log from a root."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies import weight_distance_log as study  # noqa: E402

pytestmark = pytest.mark.lab


def network(n: int = 2) -> list:
    g = torch.Generator().manual_seed(0)
    shapes = [(n, 5, 4), (n, 1, 4), (n, 4, 3), (n, 1, 3)]
    return [torch.randn(s, generator=g) for s in shapes]


def test_each_ghost_is_normed_by_itself() -> None:
    z = torch.randn(2, 12, 4, generator=torch.Generator().manual_seed(1))
    whole, parts = study.normed(z, 1), study.normed(z, 3)
    torch.testing.assert_close(parts[:, 4:8], study.normed(z[:, 4:8], 1))
    twin = torch.nn.functional.batch_norm(z[0], None, None, training=True)
    torch.testing.assert_close(whole[0], twin)


def test_statistics_of_training_images_norm_the_test() -> None:
    params, x = network(), torch.randn(2, 40, 5)
    y = study.answers(params, x).argmax(2)
    np.testing.assert_array_equal(study.right(params, x, x, y), 1.0)


def test_the_distance_is_that_of_all_weights_of_each_network() -> None:
    start = network()
    params = [p.clone() for p in start]
    params[0][1] += 0.5
    params[3][1] += 2.0
    found = study.distances(start, params)
    assert found == pytest.approx([0.0, np.sqrt(20 * 0.25 + 3 * 4.0)])


def test_a_fit_tells_a_logarithm_from_a_root() -> None:
    t = np.geomspace(3, 200, 12)
    course = np.stack([np.log(t), np.sqrt(t)])
    log, root = study.fit(np.log(t), course), study.fit(np.sqrt(t), course)
    assert log[0] == pytest.approx(1)
    assert root[1] == pytest.approx(1)
    assert log[1] < study.FITS
    assert root[0] < study.FITS
