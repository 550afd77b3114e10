"""Power law in size: a floor and one power law in parameters.

Source: Henighan et al. 2020, "Scaling Laws for Autoregressive Generative Modeling". Typical
values are the size term of Chinchilla's law as refitted by Besiroglu et al. 2024.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="size_power",
    formula="E + A/N^alpha",
    inputs=("N",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "loss at unlimited size"),
        Param("A", "nats/token * params^alpha", 0.0, 1e12, "cost of finite size"),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
    ),
    summary="A floor plus a power law in parameters.",
    when="Models of several sizes on the same data, or each trained until data is no limit.",
    source="Henighan et al. 2020, Scaling Laws for Autoregressive Generative Modeling",
    typical={"E": 1.8172, "A": 482.01, "alpha": 0.3478},
    domain={"N": (1e6, 1e10)},
)
