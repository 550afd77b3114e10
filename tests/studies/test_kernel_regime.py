"""The pieces of the studies of tangent kernels against closed forms."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from forescale.probes._infinite_width import relu_kernels  # noqa: E402
from forescale.probes._kernels import full_ntk, mean_ntk, pseudo_ntk  # noqa: E402
from forescale.studies._networks import tangent_dense  # noqa: E402
from forescale.studies.kernel_regime import linearised, train  # noqa: E402
from forescale.studies.sum_of_logits_kernel import off  # noqa: E402

pytestmark = pytest.mark.lab


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_linearised_network_is_gradient_descent_with_a_constant_kernel():
    rows = torch.randn(7, 5, dtype=torch.float64, generator=generator())
    kernel, start = rows @ rows.T, torch.randn(7, dtype=torch.float64, generator=generator(1))
    aims = torch.ones(4, dtype=torch.float64)
    said = start.clone()
    for _ in range(20):
        said = said + 0.03 * kernel[:, :4] @ (aims - said[:4])
    assert torch.allclose(linearised(kernel, start, aims, 0.03, 20), said)


def test_a_wide_network_stays_near_its_linearisation_and_a_narrow_one_does_not():
    x = torch.randn(8, 4, dtype=torch.float64, generator=generator(2))
    aims = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    near, far = (train(w, x, aims, 12, generator(), 1.0) for w in (64, 8))
    assert near.apart < far.apart
    assert near.moved < far.moved


def test_the_limit_is_what_wide_networks_have_on_average():
    x = torch.randn(5, 6, generator=generator(3))
    nets = [tangent_dense((6, 400, 400, 1), generator(s)) for s in range(8)]
    tangent = torch.stack([pseudo_ntk(n, x) for n in nets]).mean(0)
    said = torch.cat(
        [tangent_dense((6, 64, 64, 400), generator(s))(x).detach() for s in range(20)], 1
    )
    covariance, limit = relu_kernels(x, (2.0, 2.0, 1.0))
    assert (tangent - limit).norm() / limit.norm() < 0.05
    assert ((said @ said.T).double() / said.shape[1] - covariance).norm() / covariance.norm() < 0.15


def test_the_limit_of_one_example_is_a_layer_count():
    # Variance is kept by gains of 2; every layer adds the same to the tangent kernel.
    x = torch.ones(1, 3)
    for depth in (1, 2, 5):
        covariance, tangent = relu_kernels(x, [2.0] * depth)
        assert covariance.item() == pytest.approx(2.0)
        assert tangent.item() == pytest.approx(2.0 * depth)


def test_the_whole_kernel_holds_the_others():
    x = torch.randn(4, 6, generator=generator(4))
    model = tangent_dense((6, 9, 3), generator())
    blocks = full_ntk(model, x).reshape(4, 3, 4, 3)
    assert torch.allclose(torch.einsum("ikjk->ij", blocks) / 3, mean_ntk(model, x))
    assert torch.allclose(blocks.sum((1, 3)) / 3, pseudo_ntk(model, x), rtol=1e-5)


def test_a_kernel_of_outputs_apart_is_no_distance_off():
    small = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    whole = torch.kron(small, torch.eye(3, dtype=torch.float64))
    assert off(whole, small) == 0
    assert off(whole, 0 * small) == pytest.approx(1)
