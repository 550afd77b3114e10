"""Broken power law with two breaks.

Source: Caballero et al. 2022, "Broken Neural Scaling Laws"; see `bnsl` for how it is written.
Two breaks describe plateaus and double descent.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="bnsl2",
    formula="a + b/C^c0*exp(-c1*f1*softplus(log(C/d1)/f1) - c2*f2*softplus(log(C/d2)/f2))",
    inputs=("C",),
    predicts="L",
    params=(
        Param("a", "nats/token", 0.0, 100.0, "limit at unlimited scale"),
        Param("b", "nats/token * flops^c0", 0.0, 1e30, "size of the first power law"),
        Param("c0", "1", -2.0, 2.0, "exponent before the breaks", (0.0, 0.6)),
        Param("c1", "1", -3.0, 3.0, "change of exponent at the first break", (-0.5, 0.5)),
        Param("d1", "flops", 0.0, 1e35, "where the first break is"),
        Param("f1", "1", 0.02, 10.0, "width of the first break in natural logs", (0.1, 1.5)),
        Param("c2", "1", -3.0, 3.0, "change of exponent at the second break", (-0.5, 0.5)),
        Param("d2", "flops", 0.0, 1e35, "where the second break is"),
        Param("f2", "1", 0.02, 10.0, "width of the second break in natural logs", (0.1, 1.5)),
    ),
    summary="Three power laws joined by two smooth breaks, above a limit.",
    when="Plateaus or double descent seen in the data: at least 20 runs, some in each of the "
    "three pieces.",
    source="Caballero et al. 2022, Broken Neural Scaling Laws",
    typical={
        "a": 1.0,
        "b": 30.0,
        "c0": 0.05,
        "c1": -0.05,
        "d1": 1e18,
        "f1": 0.4,
        "c2": 0.3,
        "d2": 1e20,
        "f2": 0.4,
    },
    domain={"C": (1e16, 1e23)},
)
