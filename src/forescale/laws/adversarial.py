"""Adversarial error against the size of the perturbation.

Source: Cubuk et al. 2017, "Intriguing Properties of Adversarial Examples": at small
perturbations the adversarial error is a power law, with much the same exponent over models
and data sets.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="adversarial",
    formula="A*eps^g",
    inputs=("eps",),
    predicts="err",
    params=(
        Param("A", "eps^(-g)", 0.0, 1e12, "error at unit perturbation, continued"),
        Param("g", "1", 0.0, 4.0, "exponent of the perturbation", (0.3, 2.0)),
    ),
    summary="Error grows as a power of a small perturbation.",
    when="Perturbations small enough that most examples still stand: errors below about a half.",
    source="Cubuk et al. 2017, Intriguing Properties of Adversarial Examples",
    typical={"A": 10.0, "g": 1.0},
    domain={"eps": (1e-4, 3e-2)},
    units={"eps": "eps"},
)
