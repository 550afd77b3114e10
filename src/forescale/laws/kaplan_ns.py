"""Kaplan's law of size and steps.

Source: Kaplan et al. 2020, "Scaling Laws for Neural Language Models", eq. 1.6 and table 3;
"Unraveling the Mystery of Scaling Laws: Part I" (Su et al. 2024). S is the paper's S_min, the
steps a run far above the critical batch size would need. Steps made at a batch B become S_min
by S/(1 + Bcrit/B), with Bcrit from `critical_batch`; the paper lets Bcrit grow as the loss
falls, which makes the loss stand on both sides and is therefore left to the user.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="kaplan_ns",
    formula="(Nc/N)^alphaN + (Sc/S)^alphaS",
    inputs=("N", "S"),
    predicts="L",
    params=(
        Param("Nc", "params", 0.0, 1e40, "size at which the size term is one nat", (10.0, 1e9)),
        Param("Sc", "steps", 0.0, 1e20, "steps at which the step term is one nat", (1e-4, 10.0)),
        Param("alphaN", "1", 0.0, 2.0, "exponent of parameters", (0.03, 0.5)),
        Param("alphaS", "1", 0.0, 3.0, "exponent of steps", (0.1, 1.5)),
    ),
    summary="Loss as a term of size and a term of optimizer steps.",
    when="Learning curves of several sizes after warm-up, data never repeated, batch far "
    "above the critical one or steps already converted.",
    source="Kaplan et al. 2020, Scaling Laws for Neural Language Models",
    typical={"Nc": 6.5e13, "Sc": 2.1e3, "alphaN": 0.077, "alphaS": 0.76},
    domain={"N": (1e6, 1e9), "S": (1e3, 1e6)},
    units={"S": "steps"},
)
