"""Power-law tails: a planted exponent comes back, a random matrix has none to speak of."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from forescale import probes  # noqa: E402
from forescale.errors import BadOption  # noqa: E402
from forescale.probes.weight_spectra import power_law  # noqa: E402

pytestmark = pytest.mark.lab


def read(weight, **settings):
    model = torch.nn.Linear(*reversed(weight.shape), dtype=weight.dtype)
    model.weight.data.copy_(weight)
    found = probes.read("weight_spectra", torch.nn.Sequential(model), torch.zeros(1, 1), **settings)
    return {k.removesuffix("/0"): v for k, v in found.values.items()}


def planted(alpha, m=300, seed=0):
    """A matrix whose squared singular values are a power law's quantiles, begun at 1."""
    generator = torch.Generator().manual_seed(seed)
    left, right = (
        torch.linalg.qr(torch.randn(m, m, generator=generator, dtype=torch.float64)).Q
        for _ in range(2)
    )
    shares = (torch.arange(m, dtype=torch.float64) + 0.5) / m
    return left @ torch.diag(shares ** (-0.5 / (alpha - 1))) @ right


@pytest.mark.parametrize("alpha", [2.0, 3.5])
def test_a_planted_exponent_comes_back_within_its_interval(alpha):
    found = read(planted(alpha))
    assert found["alpha"] == pytest.approx(alpha, rel=0.05)
    assert found["alpha_low"] < alpha < found["alpha_high"]
    assert found["ks"] < 0.02
    assert found["tail"] > 200


def test_the_tail_is_found_behind_a_bulk():
    generator = torch.Generator().manual_seed(0)
    tail = torch.rand(200, generator=generator, dtype=torch.float64) ** (-1 / 1.5)
    bulk = torch.rand(300, generator=generator, dtype=torch.float64)
    alpha, _, size, xmin = power_law(torch.cat([bulk, tail]), 5)
    assert float(alpha) == pytest.approx(2.5, abs=0.35)
    assert float(xmin) == pytest.approx(1, abs=0.4)
    assert 100 < float(size) < 280


def test_it_is_the_plain_choice_of_clauset():
    values = torch.rand(60, generator=torch.Generator().manual_seed(1), dtype=torch.float64) ** -1.0
    best = (math.inf, 0.0)
    for xmin in values.tolist():
        x = sorted(v for v in values.tolist() if v >= xmin)
        if len(x) < 5:
            continue
        alpha = 1 + len(x) / sum(math.log(v / xmin) for v in x)
        gaps = [1 - (v / xmin) ** (1 - alpha) for v in x]
        n = len(x)
        ks = max(max(abs(g - i / n), abs(g - (i + 1) / n)) for i, g in enumerate(gaps))
        best = min(best, (ks, alpha))
    alpha, ks, _, _ = power_law(values, 5)
    assert (float(ks), float(alpha)) == pytest.approx(best)


def test_scale_moves_the_norm_and_not_the_exponent():
    one, ten = read(planted(2.5)), read(10 * planted(2.5))
    assert ten["alpha"] == pytest.approx(one["alpha"])
    assert ten["log_norm"] == pytest.approx(one["log_norm"] + 2)


def test_a_random_matrix_has_a_steep_end_not_a_heavy_tail():
    generator = torch.Generator().manual_seed(0)
    random = torch.randn(300, 300, generator=generator, dtype=torch.float64)
    steep, heavy = read(random, least=60), read(planted(2.0), least=60)
    assert steep["alpha_low"] > heavy["alpha_high"]
    assert steep["ks"] > 3 * heavy["ks"]


def test_where_there_are_few_eigenvalues_or_none_finite_there_is_no_exponent():
    assert math.isnan(read(torch.ones(3, 3))["alpha"])
    broken = planted(2.0, m=20)
    broken[0, 0] = math.inf
    assert all(math.isnan(v) for v in read(broken).values())
    with pytest.raises(BadOption, match="least"):
        read(torch.ones(3, 3), least=1)
    with pytest.raises(BadOption, match="no weight"):
        probes.read("weight_spectra", torch.nn.Identity(), torch.zeros(1, 1))
