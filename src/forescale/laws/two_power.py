"""U shape as the sum of a falling and a rising power law.

Source: McKenzie et al. 2023, "Inverse Scaling: When Bigger Isn't Better", for the shape; the
two powers are ours, for an ability and a distraction that both grow with scale.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="two_power",
    formula="A/C^alpha + B*C^beta",
    inputs=("C",),
    predicts="err",
    params=(
        Param("A", "flops^alpha", 0.0, 1e30, "what scale takes away"),
        Param("alpha", "1", 0.0, 2.0, "exponent of the falling part"),
        Param("B", "flops^(-beta)", 0.0, 1e12, "what scale brings in"),
        Param("beta", "1", 0.0, 2.0, "exponent of the rising part"),
    ),
    summary="Error that falls, turns and rises, each as a power of compute.",
    when="At least 3 runs on each side of the turn; see quadratic_log for a first test.",
    source="McKenzie et al. 2023, Inverse Scaling: When Bigger Isn't Better",
    typical={"A": 1000.0, "alpha": 0.2, "B": 1e-3, "beta": 0.1},
    domain={"C": (1e16, 1e24)},
)
