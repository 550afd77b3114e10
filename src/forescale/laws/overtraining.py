"""Over-training: loss from compute and from tokens per parameter.

Source: Gadre et al. 2024, "Language models scale reliably with over-training and on downstream
tasks", eq. 4: Chinchilla's law with equal exponents, C = 6 N D and M = D/N. Typical values are
the paper's for C4, rounded.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="overtraining",
    formula="E + (a*M^eta + b/M^eta)/C^eta",
    inputs=("C", "M"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param(
            "a",
            "nats/token * flops^eta * tokens_per_param^(-eta)",
            0.0,
            1e12,
            "cost of finite size",
        ),
        Param(
            "b", "nats/token * flops^eta * tokens_per_param^eta", 0.0, 1e12, "cost of finite data"
        ),
        Param("eta", "1", 0.0, 1.0, "exponent of compute: half of Chinchilla's", (0.02, 0.5)),
    ),
    summary="At any one ratio of tokens to parameters, one power law in compute.",
    when="Small models trained far past the optimal number of tokens; compute and ratio both "
    "varied.",
    source="Gadre et al. 2024, Language models scale reliably with over-training and on "
    "downstream tasks",
    typical={"E": 1.51, "a": 141.0, "b": 190.0, "eta": 0.121},
    domain={"C": (1e17, 1e22), "M": (5.0, 640.0)},
    units={"M": "tokens_per_param"},
)
