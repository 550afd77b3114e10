"""A turn in the logarithm of compute: U, inverted U, or one side of either.

Source: McKenzie et al. 2023, "Inverse Scaling: When Bigger Isn't Better", who find scores that
fall with scale and scores that turn. The parabola is ours, written by its turning point C0 so
that it means the same in any unit; a turn outside the data says that there is none.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="quadratic_log",
    formula="y0 + k*log(C/C0)^2",
    inputs=("C",),
    predicts="score",
    params=(
        Param("y0", "1", -1e3, 1e3, "score at the turn"),
        Param("k", "1", -1e3, 1e3, "bend: positive is a U, negative an inverted U", (-0.1, 0.1)),
        Param("C0", "flops", 0.0, 1e40, "compute at the turn"),
    ),
    summary="A parabola in log compute, to test for a turn.",
    when="Scores over at least two decades of compute, to ask whether they turn.",
    source="McKenzie et al. 2023, Inverse Scaling: When Bigger Isn't Better",
    typical={"y0": 0.4, "k": 0.01, "C0": 1e21},
    domain={"C": (1e18, 1e24)},
    residual="raw",
)
