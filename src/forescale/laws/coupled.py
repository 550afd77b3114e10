"""Coupled law: a power of the sum of the two power laws, above a floor.

At k = 1 it is Chinchilla's law. With k < 1 size and data stand in for each other less at one
end of the range and more at the other.

Source: the joint form of Kaplan et al. 2020, "Scaling Laws for Neural Language Models", eq.
1.5, with free inner exponents and with the floor of Hoffmann et al. 2022.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="coupled",
    formula="E + (A/N^alpha + B/D^beta)^k",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("A", "(nats/token)^(1/k) * params^alpha", 0.0, 1e20, "cost of finite size"),
        Param("B", "(nats/token)^(1/k) * tokens^beta", 0.0, 1e20, "cost of finite data"),
        Param("alpha", "1", 0.0, 3.0, "inner exponent of parameters", (0.1, 1.2)),
        Param("beta", "1", 0.0, 3.0, "inner exponent of tokens", (0.1, 1.2)),
        Param("k", "1", 0.05, 5.0, "coupling: 1 is Chinchilla's law", (0.3, 1.3)),
    ),
    summary="Chinchilla's sum raised to a power, so that size and data may interact.",
    when="Runs that vary N and D well off the optimal line; at least 12 of them.",
    source="Kaplan et al. 2020, Scaling Laws for Neural Language Models (with a floor)",
    typical={"E": 1.7, "A": 1e4, "B": 4e5, "alpha": 0.55, "beta": 0.6, "k": 0.6},
    domain={"N": (4e7, 1.6e10), "D": (2e8, 3e11)},
)
