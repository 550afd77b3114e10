"""Measures of progress on scores whose frequencies are planted."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.lab
torch = pytest.importorskip("torch")

from forescale.errors import BadOption  # noqa: E402
from forescale.lab.grok import progress  # noqa: E402
from forescale.lab.grok.reference import Setup, split  # noqa: E402
from forescale.maths.groups import cyclic, isotypic, symmetric  # noqa: E402

P = 13
ONTO = torch.from_numpy(np.stack(isotypic(cyclic(P))))


def planted(heights: dict[int, float], noise: float = 0.0, sign: int = 1):
    """Scores sum of h cos(w_k (a + sign b - c)), and some noise; and the answers."""
    each = torch.arange(P, dtype=torch.float64)
    gap = each[:, None, None] + sign * each[:, None] - each
    scores = torch.zeros(P, P, P, dtype=torch.float64)
    for k, h in heights.items():
        scores += h * torch.cos(2 * torch.pi * k * gap / P)
    scores = scores + noise * torch.randn(
        P, P, P, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    right = (each[:, None] + sign * each).long() % P
    return scores, right


def cross_entropy(scores, right) -> float:
    logs = torch.log_softmax(scores.reshape(-1, P), 1)
    return float(-logs.gather(1, right.reshape(-1, 1)).mean())


@pytest.mark.parametrize("sign", [1, -1])
def test_planted_frequencies_are_found_and_carry_what_was_planted(sign: int) -> None:
    scores, right = planted({2: 3.0, 5: 4.0}, sign=sign)
    found = progress.spectrum(scores, right, ONTO)
    assert progress.key_frequencies(found) == (2, 5)
    np.testing.assert_allclose(found.powers[[2, 5]], [9 / 25, 16 / 25])
    assert progress.restricted_loss(found, right, (2, 5)) == pytest.approx(
        cross_entropy(scores, right)
    )
    everything = torch.arange(P * P)
    assert progress.excluded_loss(found, right, (2, 5), everything) == pytest.approx(np.log(P))
    # Read with the wrong sign there is nothing to find.
    assert float(progress.spectrum(scores, planted({}, sign=-sign)[1], ONTO).powers.sum()) < 1e-12


def test_losses_are_those_of_the_projections_written_out() -> None:
    scores, right = planted({3: 2.0}, noise=1.0)
    found = progress.spectrum(scores, right, ONTO)
    each = torch.arange(P, dtype=torch.float64)
    angle = 2 * torch.pi * 3 * (each[:, None] + each).reshape(-1) / P
    waves = torch.stack([angle.cos(), angle.sin()])
    waves = waves / waves.norm(dim=1, keepdim=True)
    flat = scores.reshape(P * P, P)
    part = waves.T @ (waves @ flat)
    restricted = part + (flat - part).mean(0)
    assert progress.restricted_loss(found, right, (3,)) == pytest.approx(
        cross_entropy(restricted, right)
    )
    some = torch.arange(0, P * P, 3)
    assert progress.excluded_loss(found, right, (3,), some) == pytest.approx(
        cross_entropy((flat - part)[some], right.reshape(-1)[some])
    )
    centred = flat - flat.mean(1, keepdim=True)
    total = (centred - centred.mean(0)).square().sum()
    own = part - part.mean(1, keepdim=True)
    assert float(found.powers[3]) == pytest.approx(float(own.square().sum() / total))


def test_noise_has_no_key_frequencies_to_speak_of() -> None:
    scores, right = planted({1: 0.0}, noise=1.0)
    found = progress.spectrum(scores, right, ONTO)
    assert len(progress.key_frequencies(found)) > 3
    assert float(found.powers.sum()) < 0.2
    assert progress.restricted_loss(found, right, (1,)) > 0.9 * np.log(P)


def test_gini_is_nothing_for_equals_and_near_one_for_one_that_has_all() -> None:
    assert progress.gini(torch.ones(50)) == pytest.approx(0.0, abs=1e-12)
    assert progress.gini(torch.eye(50)[3]) == pytest.approx(0.98)
    # The integers 1..n have (n - 1) / (3 n).
    assert progress.gini(torch.arange(1, 11)) == pytest.approx(0.3)


def test_the_norms_of_a_wave_stand_at_its_frequency() -> None:
    each = torch.arange(P, dtype=torch.float64)[:, None]
    norms = progress.fourier_norms(torch.cos(2 * torch.pi * 4 * each / P) + 7, ONTO)
    assert norms.shape == (P // 2,)
    assert int(norms.argmax()) == 3
    assert float(norms.sum() - norms[3]) < 1e-9


def test_a_planted_representation_of_a_group_is_found() -> None:
    group = symmetric(4)
    onto = torch.from_numpy(np.stack(isotypic(group)))
    table, inverse = group.table, group.inverse
    # Scores by the character of (a o b) c^-1, which is largest at the answer.
    for k in (2, 3):
        character = torch.from_numpy(group.irreps[k].character)
        scores = character[torch.from_numpy(table[table][..., inverse])]
        found = progress.spectrum(scores, torch.from_numpy(table), onto)
        assert progress.key_frequencies(found) == (k,)
        assert float(found.powers[k]) == pytest.approx(1.0)


def test_tables_of_groups_have_frequencies_and_others_are_refused() -> None:
    assert progress.projectors(split(Setup(p=7))).shape == (4, 7, 7)
    np.testing.assert_allclose(
        progress.projectors(split(Setup(p=7, operation="-"))),
        progress.projectors(split(Setup(p=7))),
    )
    for operation in ("*", "/", "x^3+xy"):
        with pytest.raises(BadOption, match="of a group"):
            progress.projectors(split(Setup(p=7, operation=operation)))
