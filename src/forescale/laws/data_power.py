"""Power law in data: a floor and one power law in tokens.

Source: Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically". Typical
values are the data term of Chinchilla's law as refitted by Besiroglu et al. 2024.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="data_power",
    formula="E + B/D^beta",
    inputs=("D",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "loss at unlimited data"),
        Param("B", "nats/token * tokens^beta", 0.0, 1e12, "cost of finite data"),
        Param("beta", "1", 0.0, 2.0, "exponent of tokens"),
    ),
    summary="A floor plus a power law in tokens.",
    when="One model size, several amounts of data, each run at the end of its own schedule.",
    source="Hestness et al. 2017, Deep Learning Scaling is Predictable, Empirically",
    typical={"E": 1.8172, "B": 2085.43, "beta": 0.3658},
    domain={"D": (1e8, 1e11)},
)
