"""What the study of untrained networks is built of, against known answers."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.studies.untrained_frequency import (
    HELD,
    LAYERS,
    SHOWN,
    WIDTH,
    Kind,
    Untrained,
    fitted,
)


def test_a_target_in_the_span_is_fitted_and_one_outside_is_not() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(SHOWN + HELD, 20))
    inside = features @ rng.normal(size=20)
    assert fitted(features, inside) < -5
    assert fitted(features, rng.normal(size=SHOWN + HELD)) == pytest.approx(0, abs=0.4)


@pytest.mark.lab
def test_relu_networks_scale_out_of_their_weights_and_norms_undo_the_scale() -> None:
    torch = pytest.importorskip("torch")
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def seen(kind, scale, bias=0.0):
        net = Untrained(torch, torch.Generator().manual_seed(0), kind, scale)
        net.layers = [(weight, bias * b) for weight, b in net.layers]
        return net.hidden(x)

    torch.testing.assert_close(seen(Kind("relu"), 3.0), 3.0**LAYERS * seen(Kind("relu"), 1.0))
    normed = Kind("tanh", norm=True)
    torch.testing.assert_close(seen(normed, 100.0), seen(normed, 1.0), atol=1e-2, rtol=1e-2)
    assert seen(Kind("tanh"), 3.0).shape == (30, WIDTH)
    # Without biases a residual step adds to what is there.
    assert seen(Kind("relu", residual=True), 1.0).norm() > seen(Kind("relu"), 1.0).norm()
