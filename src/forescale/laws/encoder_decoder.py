"""Encoder and decoder: a floor and a product of powers of the two sizes.

Source: Ghorbani et al. 2021, "Scaling Laws for Neural Machine Translation":
alpha (Ne0/Ne)^pe (Nd0/Nd)^pd + Linf. The paper's Ne0 and Nd0 are the sizes of a reference
model, not parameters; they are drawn into A here.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="encoder_decoder",
    formula="E + A/(Ne^pe*Nd^pd)",
    inputs=("Ne", "Nd"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param(
            "A",
            "nats/token * encoder_params^pe * decoder_params^pd",
            0.0,
            1e15,
            "cost at unit sizes",
        ),
        Param("pe", "1", 0.0, 2.0, "exponent of encoder parameters"),
        Param("pd", "1", 0.0, 2.0, "exponent of decoder parameters"),
    ),
    summary="Loss of an encoder-decoder model from the sizes of its two halves.",
    when="Translation models with encoder and decoder sizes varied apart, data no limit.",
    source="Ghorbani et al. 2021, Scaling Laws for Neural Machine Translation",
    typical={"E": 1.2, "A": 8000.0, "pe": 0.18, "pd": 0.31},
    domain={"Ne": (1e7, 1e9), "Nd": (1e7, 1e9)},
    units={"Ne": "encoder_params", "Nd": "decoder_params"},
)
