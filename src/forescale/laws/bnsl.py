"""Broken power law with one break.

Source: Caballero et al. 2022, "Broken Neural Scaling Laws". The paper's factor
(1 + (x/d1)^(1/f1))^(-c1 f1) is written with softplus, which is the same and does not overflow
at a sharp break.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="bnsl",
    formula="a + b/C^c0*exp(-c1*f1*softplus(log(C/d1)/f1))",
    inputs=("C",),
    predicts="L",
    params=(
        Param("a", "nats/token", 0.0, 100.0, "limit at unlimited scale"),
        Param("b", "nats/token * flops^c0", 0.0, 1e30, "size of the first power law"),
        Param("c0", "1", -2.0, 2.0, "exponent before the break", (0.0, 0.6)),
        Param("c1", "1", -3.0, 3.0, "change of exponent at the break", (-0.5, 0.5)),
        Param("d1", "flops", 0.0, 1e35, "where the break is"),
        Param("f1", "1", 0.02, 10.0, "width of the break in natural logs", (0.1, 1.5)),
    ),
    summary="Two power laws joined by one smooth break, above a limit.",
    when="A bend seen in the data itself: at least 4 runs on each side of it. A break beyond "
    "the largest run cannot be found by any law.",
    source="Caballero et al. 2022, Broken Neural Scaling Laws",
    typical={"a": 1.5, "b": 30.0, "c0": 0.05, "c1": 0.15, "d1": 1e20, "f1": 0.5},
    domain={"C": (1e17, 1e23)},
)
