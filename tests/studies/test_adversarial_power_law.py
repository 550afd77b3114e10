"""The parts of the study of adversarial power laws."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies import adversarial_power_law as study

SIZES = np.array(study.SIZES)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_planted_power_is_found_whatever_the_shares_do_beyond(power):
    shares = np.minimum(0.2 * (SIZES / 0.1) ** power, 0.5)
    assert study.power(SIZES, shares) == pytest.approx(power, rel=0.1)


def test_rows_are_fitted_one_by_one():
    rows = np.stack([SIZES, 2 * SIZES**1.5])
    both = study.power(SIZES, rows)
    assert both == pytest.approx([study.power(SIZES, row).item() for row in rows])


def test_a_share_that_jumps_has_a_large_power_and_not_none():
    assert 5 < study.power(SIZES, (SIZES > 0.1).astype(float)) < 1e4


@pytest.mark.lab
def test_attacks_on_the_surest_half_change_less():
    pytest.importorskip("torch")
    every, sure = (
        study.attacked(np.random.default_rng(0), (), False, 20, sure=sure) for sure in (False, True)
    )
    assert (np.diff(every) >= -0.01).all()
    assert (sure[SIZES < 0.05] < 0.01).all()
    assert every[SIZES > 0.05][0] > 0.01
