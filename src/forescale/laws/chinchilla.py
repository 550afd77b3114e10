"""Chinchilla law: a floor, a power law in parameters and a power law in tokens.

Source: Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", approach 3;
parameters as refitted by Besiroglu et al. 2024, "Chinchilla Scaling: A replication attempt".
"""

from forescale.laws import Law, Param

LAW = Law(
    name="chinchilla",
    formula="E + A/N^alpha + B/D^beta",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("A", "nats/token * params^alpha", 0.0, 1e12, "cost of finite size"),
        Param("B", "nats/token * tokens^beta", 0.0, 1e12, "cost of finite data"),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
        Param("beta", "1", 0.0, 2.0, "exponent of tokens"),
    ),
    summary="A floor plus separate power laws in parameters and in tokens.",
    when="Runs that vary N and D on one pass over the data, each at the end of its schedule; "
    "at least 8 runs with both varied.",
    source="Hoffmann et al. 2022, Training Compute-Optimal Large Language Models",
    typical={"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658},
    domain={"N": (4e7, 1.6e10), "D": (2e8, 3e11)},
)
