"""Data-constrained law in full: repeated tokens and excess parameters both decay.

Source: Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", eq. 5 and 6 and
appendix A. As `data_constrained`, and of N parameters only UN = min(N, Nopt(U)) count in full,
Nopt(U) being the size at which U fresh tokens are spent best: alpha A/N^alpha =
beta B/U^beta. With the paper's tied exponents and values Nopt(U) = 0.051 U. The rest decays
with RN as repeated tokens do with RD.
"""

from forescale.laws import Law, Param

# Min is taken of logs: their derivatives are short, those of a power of a power are not.
_UN = "exp(min(log(N), log(A*alpha/(B*beta)*U^beta)/alpha))"

LAW = Law(
    name="data_constrained_excess",
    formula=f"E + A/({_UN}*(1 + RN*(1 - exp(-(N/{_UN} - 1)/RN))))^alpha"
    " + B/(U*(1 + RD*(1 - exp(-(D/U - 1)/RD))))^beta",
    inputs=("N", "D", "U"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("A", "nats/token * params^alpha", 0.0, 1e12, "cost of finite size"),
        Param("B", "nats/token * tokens^beta", 0.0, 1e12, "cost of finite data"),
        Param("alpha", "1", 0.01, 2.0, "exponent of effective parameters"),
        Param("beta", "1", 0.01, 2.0, "exponent of effective tokens"),
        Param(
            "RN",
            "1",
            0.1,
            1e4,
            "excess of size after which most of its worth is gone",
            (1.0, 100.0),
        ),
        Param("RD", "1", 0.1, 1e4, "repeats after which most of their worth is gone", (1.0, 100.0)),
    ),
    summary="Chinchilla's law with repeated tokens and excess parameters discounted.",
    when="As data_constrained, with models far larger than the unique data calls for.",
    source="Muennighoff et al. 2023, Scaling Data-Constrained Language Models",
    typical={
        "E": 1.87,
        "A": 521.0,
        "B": 1488.0,
        "alpha": 0.3527,
        "beta": 0.3527,
        "RN": 5.31,
        "RD": 15.39,
    },
    domain={"N": (1e7, 1e10), "D": (1e9, 1e11), "U": (1e8, 1e9)},
)
