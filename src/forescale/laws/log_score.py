"""Log law of a score: a power of the logarithm of pre-training tokens.

Source: Isik et al. 2024, "Scaling Laws for Downstream Task Performance of Large Language
Models", for BLEU, ROUGE and their like. Defined where A D^alpha exceeds 1.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="log_score",
    formula="log(A*D^alpha)^beta",
    inputs=("D",),
    predicts="score",
    params=(
        Param("A", "tokens^(-alpha)", 0.0, 1e12, "where the score leaves zero", (3.0, 1e4)),
        Param("alpha", "1", 0.0, 5.0, "exponent of pre-training tokens", (0.05, 2.0)),
        Param("beta", "1", 0.0, 10.0, "power of the logarithm", (0.3, 4.0)),
    ),
    summary="A translation-like score grows as a power of the logarithm of pre-training data.",
    when="BLEU-like scores of one fine-tuning set, pre-training data aligned with the task; a "
    "score that falls or wanders with more data says that they are not.",
    source="Isik et al. 2024, Scaling Laws for Downstream Task Performance of Large Language "
    "Models",
    typical={"A": 0.01, "alpha": 0.5, "beta": 1.5},
    domain={"D": (1e6, 1e11)},
    residual="raw",
)
