"""First law of information capacity: what the model holds is what the data gave.

Source: An, Song & Li 2024, "Physics in Next-token Prediction": eta N = D (H - L), solved for
the loss. Typical values are ours, chosen so that the loss is that of a trained model.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="information_capacity",
    formula="H - eta*N/D",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("H", "nats/token", 0.0, 100.0, "entropy of the data before learning"),
        Param("eta", "nats/token * tokens/params", 0.0, 1e9, "information held per parameter"),
    ),
    summary="The loss falls by the information per token that the parameters can hold.",
    when="Models filled to capacity. It says that more data at one size raises the loss, so "
    "it does not hold while the model is still learning.",
    source="An et al. 2024, Physics in Next-token Prediction",
    typical={"H": 10.8, "eta": 150.0},
    domain={"N": (1e8, 1e9), "D": (2e10, 1e12)},
    residual="raw",
)
