"""Power law in compute: a floor and one power law.

Source: Hestness et al. 2017, "Deep Learning Scaling is Predictable, Empirically"; Henighan et
al. 2020, "Scaling Laws for Autoregressive Generative Modeling", who read E as the entropy of
the data and the rest as what the model has yet to learn. `data_power`, `size_power` and
`finetune_power` are the same law in other variables.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="power",
    formula="E + A/C^alpha",
    inputs=("C",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "irreducible loss"),
        Param("A", "nats/token * flops^alpha", 0.0, 1e15, "cost of finite compute"),
        Param("alpha", "1", 0.0, 2.0, "exponent of compute"),
    ),
    summary="A floor plus a power law in compute.",
    when="Runs along one recipe for spending compute, such as the compute-optimal frontier; "
    "at least 5 budgets over two decades, or the floor is not known.",
    source="Henighan et al. 2020, Scaling Laws for Autoregressive Generative Modeling",
    typical={"E": 1.8, "A": 900.0, "alpha": 0.15},
    domain={"C": (1e17, 1e22)},
)
