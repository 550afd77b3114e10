"""What makes a rise sharp."""

from __future__ import annotations

import numpy as np

from forescale.studies.instruction_diversity import steepest


def test_a_jump_is_the_whole_rise_and_an_even_rise_one_part_in_as_many_steps() -> None:
    rises = np.array([[0.0, 0.0, 1.0, 1.0, 1.0], [0.0, 0.2, 0.4, 0.6, 0.8]])
    np.testing.assert_allclose(steepest(rises), [1.0, 0.25])
