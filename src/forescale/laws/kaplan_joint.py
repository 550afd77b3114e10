"""Kaplan's joint law with a floor: the inner exponent of data is one.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", eq. 1.5, in the
coefficients of `coupled` and with the floor of Hoffmann et al. 2022. At a fixed size the loss
then approaches its limit as 1/D.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="kaplan_joint",
    formula="E + (A/N^alpha + B/D)^k",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("A", "(nats/token)^(1/k) * params^alpha", 0.0, 1e25, "cost of finite size"),
        Param("B", "(nats/token)^(1/k) * tokens", 0.0, 1e25, "cost of finite data"),
        Param("alpha", "1", 0.0, 4.0, "inner exponent of parameters", (0.3, 1.5)),
        Param("k", "1", 0.02, 3.0, "outer power, the exponent of data", (0.1, 0.8)),
    ),
    summary="Kaplan's law of size and data, above a floor.",
    when="As a rival of chinchilla; runs that vary N and D, at least 10.",
    source="Kaplan et al. 2020, Scaling Laws for Neural Language Models (with a floor)",
    typical={"E": 1.8, "A": 1e7, "B": 1e9, "alpha": 1.0, "k": 0.35},
    domain={"N": (4e7, 1.6e10), "D": (2e8, 3e11)},
)
