"""Three regions: guessing, a power law, a floor.

Source: Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically", who draw the
three regions but give no formula; this is the simplest smooth curve that has them.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="three_regions",
    formula="E + (L0 - E)/(1 + (D/D0)^alpha)",
    inputs=("D",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "irreducible loss"),
        Param("L0", "nats/token", 0.0, 100.0, "loss of the best guess without learning"),
        Param("D0", "tokens", 0.0, 1e18, "data at which half of the way is done"),
        Param("alpha", "1", 0.0, 3.0, "exponent of tokens"),
    ),
    summary="From the loss of guessing, through a power law, to a floor.",
    when="The smallest runs learn next to nothing, so that one power law bends at both ends.",
    source="Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
    typical={"E": 2.0, "L0": 10.8, "D0": 1e7, "alpha": 0.4},
    domain={"D": (1e4, 1e11)},
)
