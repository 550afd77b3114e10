"""Intrinsic dimension: over data sets, the rate is set by dimension, the offset by labels.

Source: Konz & Mazurowski 2024, "The Effect of Intrinsic Dataset Properties on Generalization":
the logarithm of the loss falls as log(n)/d and rises with the label sharpness KF. The paper
bounds the loss; powers and scales here are free so that the bound can be fitted: c near 1 is
the paper's rate.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="intrinsic_dimension",
    formula="A*KF^kappa*(n0/n)^(c/dim)",
    inputs=("n", "dim", "KF"),
    predicts="L",
    params=(
        Param("A", "nats/token * sharpness^(-kappa)", 0.0, 1e9, "loss at n0 and sharpness 1"),
        Param("kappa", "1", -2.0, 3.0, "power of the label sharpness"),
        Param("n0", "examples", 0.0, 1e12, "sample size at which dimension does not matter"),
        Param("c", "dimensions", 0.0, 100.0, "rate times dimension: 1 by theory"),
    ),
    summary="Generalization loss from sample size, intrinsic dimension and label sharpness.",
    when="Several data sets, each at several sizes, with measured dimension and sharpness.",
    source="Konz & Mazurowski 2024, The Effect of Intrinsic Dataset Properties on Generalization",
    typical={"A": 0.5, "kappa": 0.5, "n0": 1000.0, "c": 1.5},
    domain={"n": (100.0, 1e5), "dim": (6.0, 40.0), "KF": (0.1, 10.0)},
    units={"n": "examples", "dim": "dimensions", "KF": "sharpness"},
)
