"""One joint power of parameters and tokens above a floor.

A rival of Chinchilla's law in which size and data multiply rather than add: one term, so that
more of either always helps by the same factor.

Source: no paper we know proposes it for language; it is the plain contrast to the sum of
Rosenfeld et al. 2019, "A Constructive Prediction of the Generalization Error Across Scales".
"""

from forescale.laws import Law, Param

LAW = Law(
    name="joint_power",
    formula="E + A/(N^alpha*D^beta)",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("A", "nats/token * params^alpha * tokens^beta", 0.0, 1e20, "cost at unit scale"),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
        Param("beta", "1", 0.0, 2.0, "exponent of tokens"),
    ),
    summary="A floor plus one product of powers of parameters and tokens.",
    when="As a rival of chinchilla, and for runs near one ratio of tokens to parameters.",
    source="Rosenfeld et al. 2019, A Constructive Prediction of the Generalization Error "
    "Across Scales (with a product in place of its sum)",
    typical={"E": 1.5, "A": 600.0, "alpha": 0.15, "beta": 0.15},
    domain={"N": (1e7, 1e10), "D": (1e9, 1e12)},
)
