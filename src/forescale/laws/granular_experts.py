"""Fine-grained experts: size, data and granularity of a mixture of experts.

Source: Ludziejewski et al. 2024, "Scaling Laws for Fine-Grained Mixture of Experts", eq. 9 and
its fit for 64 experts; the paper's c is our E. Granularity G is how many times smaller an
expert is than the layer it replaces.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="granular_experts",
    formula="E + (g/G^gamma + a)/N^alpha + b/D^beta",
    inputs=("N", "D", "G"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 10.0, "irreducible loss"),
        Param("a", "nats/token * params^alpha", 0.0, 1e12, "cost of size at fine grain"),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
        Param("b", "nats/token * tokens^beta", 0.0, 1e12, "cost of finite data"),
        Param("beta", "1", 0.0, 2.0, "exponent of tokens"),
        Param(
            "g",
            "nats/token * params^alpha * granularity^gamma",
            0.0,
            1e12,
            "cost of coarse experts",
        ),
        Param("gamma", "1", 0.0, 3.0, "exponent of granularity", (0.1, 1.5)),
    ),
    summary="Chinchilla's law whose size term shrinks with finer experts.",
    when="Mixtures of experts with one expansion rate; N, D and granularity all varied.",
    source="Ludziejewski et al. 2024, Scaling Laws for Fine-Grained Mixture of Experts",
    typical={
        "E": 0.47,
        "a": 18.1,
        "alpha": 0.115,
        "b": 30.8,
        "beta": 0.147,
        "g": 2.1,
        "gamma": 0.58,
    },
    domain={"N": (1e8, 1e10), "D": (1e9, 1e11), "G": (1.0, 32.0)},
    units={"G": "granularity"},
)
