"""The count of large eigenvalues on spectra that are known."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from forescale.studies._dense import begun, gradients  # noqa: E402
from forescale.studies._networks import as_module  # noqa: E402
from forescale.studies.hessian_outliers import clusters, largest, outliers  # noqa: E402

pytestmark = pytest.mark.lab


def test_the_widest_gap_is_where_a_spectrum_was_planted():
    assert outliers(np.array([9.0, 8.0, 7.0, 0.9, 0.8, 0.7])) == 3
    assert outliers(np.array([9.0, 1.0, 0.9, 0.8])) == 1
    assert outliers(np.array([9.0, 8.0, 1.0, np.nan, np.nan])) == 2


def test_clusters_stand_apart_and_are_as_large_as_one_another():
    x, y = clusters(np.random.default_rng(0), 4)
    assert np.bincount(y).tolist() == [60] * 4
    centres = np.stack([x[y == c].mean(0) for c in range(4)])
    assert centres @ centres.T == pytest.approx(9 * np.eye(4), abs=1.5)


def test_the_largest_eigenvalues_are_those_of_the_whole_matrix():
    rng = np.random.default_rng(0)
    x, y = clusters(rng, 3)
    x = x[:, :4]
    params = begun(rng, 2, (4, 5, 3))
    shapes = [p[1].shape for p in params]
    sizes = [int(np.prod(s)) for s in shapes]

    def value(flat):
        w, b, v, c = (
            part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)
        )
        said = torch.relu(torch.from_numpy(x).double() @ w + b) @ v + c
        return torch.nn.functional.cross_entropy(said, torch.from_numpy(y))

    flat = torch.cat([torch.from_numpy(p[1]).double().flatten() for p in params])
    whole = torch.linalg.eigvalsh(torch.autograd.functional.hessian(value, flat)).flip(0)
    assert largest(params, 1, x, y, 4, 0) == pytest.approx(whole[:4].numpy(), rel=1e-3)
    assert float(value(flat)) == pytest.approx(float(gradients(params, x, y)[0][1]), rel=1e-5)


def test_a_module_says_what_the_arrays_say():
    from forescale.studies._dense import forward

    rng = np.random.default_rng(1)
    params = begun(rng, 3, (4, 6, 5, 2))
    params[1] += 1
    x = rng.normal(size=(7, 4)).astype(np.float32)
    with torch.no_grad():
        said = as_module(params, 2)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(said, forward(params, x)[-1][2], rtol=1e-4, atol=1e-5)
