"""The lowest point of a curve on a grid."""

import numpy as np
import pytest

from forescale.maths.lowest import lowest


def test_a_parabola_is_found_exactly_between_grid_points() -> None:
    x = np.linspace(-1, 1, 21)
    middles = np.array([-0.33, 0.0, 0.617])
    at, low = lowest(x, 3 + 2 * (x - middles[:, None]) ** 2)
    np.testing.assert_allclose(at, middles, atol=1e-12)
    np.testing.assert_allclose(low, 3.0)


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_a_curve_lowest_at_an_end_has_no_lowest_point(slope: float) -> None:
    x = np.linspace(0, 1, 11)
    assert np.isnan(lowest(x, slope * x[None])).all()


def test_holes_count_as_high() -> None:
    x = np.linspace(-1, 1, 21)
    y = x[None] ** 2
    y[0, :5] = np.nan
    assert lowest(x, y)[0][0] == pytest.approx(0, abs=1e-12)
