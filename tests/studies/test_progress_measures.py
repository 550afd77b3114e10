"""What the study of progress measures reads off its curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forescale.studies.progress_measures import QUICK, crossed, world

AT = np.array([0.0, 10, 20, 30])


def test_a_loss_is_gone_after_the_last_time_that_it_is_above() -> None:
    assert crossed(AT, np.array([4.0, 1.0, 3.0, 1.0]), 2.0) == 25
    assert crossed(AT, np.array([4.0, 3.0, 3.0, 3.0]), 2.0) == 30
    assert crossed(AT, np.array([1.0, 1.0, 1.0, 1.0]), 2.0) == 0


@pytest.mark.lab
def test_at_the_start_there_are_no_waves_and_nothing_leads() -> None:
    pytest.importorskip("torch")
    found = world(0, replace(QUICK, p=11, width=16, steps=20, every=10), shuffled=False)
    assert found["formed"] == found["heard"] == 20
    assert found["lead"] == 1
    assert found["excluded"] == pytest.approx(1.0, abs=0.2)
    assert found["carried"] < 0.2
