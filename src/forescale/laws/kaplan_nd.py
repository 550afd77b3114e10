"""Kaplan's law of size and data.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", eq. 1.5 and table 2;
confirmed in "Unraveling the Mystery of Scaling Laws: Part I" (Su et al. 2024). N counts the
parameters without embeddings. At unlimited data it is (Nc/N)^alphaN, at unlimited size
(Dc/D)^alphaD.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="kaplan_nd",
    formula="((Nc/N)^(alphaN/alphaD) + Dc/D)^alphaD",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("Nc", "params", 0.0, 1e40, "size at which the size limit is one nat", (10.0, 1e9)),
        Param("Dc", "tokens", 0.0, 1e40, "data at which the data limit is one nat", (10.0, 1e9)),
        Param("alphaN", "1", 0.0, 2.0, "exponent of parameters", (0.03, 0.5)),
        Param("alphaD", "1", 0.005, 2.0, "exponent of tokens", (0.03, 0.5)),
    ),
    summary="Loss limited by size and by data together, without a floor.",
    when="Runs that vary N (without embeddings) and D and stop at their best point.",
    source="Kaplan et al. 2020, Scaling Laws for Neural Language Models",
    typical={"Nc": 6.4e13, "Dc": 1.8e13, "alphaN": 0.076, "alphaD": 0.103},
    domain={"N": (1e6, 1e9), "D": (2e7, 2e10)},
)
