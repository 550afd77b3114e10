"""Data-constrained law: repeated tokens are worth less and less.

Source: Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", eq. 5 and 6 and
appendix A. D tokens seen, U of them unique; Chinchilla's law takes the effective data
D' = U (1 + R (1 - exp(-(D/U - 1)/R))). Simplified: the paper's decay of parameters in excess
of what U tokens call for is left out (N' = N); `data_constrained_excess` has it. The paper
ties alpha = beta.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="data_constrained",
    formula="E + A/N^alpha + B/(U*(1 + R*(1 - exp(-(D/U - 1)/R))))^beta",
    inputs=("N", "D", "U"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("A", "nats/token * params^alpha", 0.0, 1e12, "cost of finite size"),
        Param("B", "nats/token * tokens^beta", 0.0, 1e12, "cost of finite data"),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
        Param("beta", "1", 0.0, 2.0, "exponent of effective tokens"),
        Param("R", "1", 0.1, 1e4, "repeats after which most of their worth is gone", (1.0, 100.0)),
    ),
    summary="Chinchilla's law with repeated tokens discounted.",
    when="Runs of several epochs: N, tokens seen and unique tokens all varied, from 1 to well "
    "beyond 10 passes. Does not know of the harm that very many passes do.",
    source="Muennighoff et al. 2023, Scaling Data-Constrained Language Models",
    typical={"E": 1.87, "A": 521.0, "B": 1488.0, "alpha": 0.3527, "beta": 0.3527, "R": 15.39},
    domain={"N": (1e7, 1e10), "D": (1e9, 1e11), "U": (1e8, 1e9)},
)
