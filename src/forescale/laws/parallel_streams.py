"""Parallel streams: P streams are worth about log P more parameters.

Source: Chen et al. 2025, "Parallel Scaling Law for Language Models" (ParScale); typical values
are the paper's for code (Stack), rounded.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="parallel_streams",
    formula="E + (A/(N*(k*log(P) + 1)))^alpha",
    inputs=("N", "P"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param(
            "A", "(nats/token)^(1/alpha) * params", 0.0, 1e30, "cost of finite size", (1e-8, 10.0)
        ),
        Param("k", "1", 0.0, 10.0, "worth of a natural log of streams", (0.05, 2.0)),
        Param("alpha", "1", 0.02, 2.0, "exponent of effective parameters", (0.05, 0.8)),
    ),
    summary="Running P parallel streams acts as a larger model, by a factor 1 + k log P.",
    when="Models of several sizes with 1 to 8 streams, trained on the same data.",
    source="Chen et al. 2025, Parallel Scaling Law for Language Models",
    typical={"E": 0.69, "A": 1.13e7, "k": 0.39, "alpha": 0.19},
    domain={"N": (5e8, 5e9), "P": (1.0, 8.0)},
    units={"P": "1"},
)
