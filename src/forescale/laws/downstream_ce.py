"""Downstream cross-entropy: a floor and a power law in pre-training tokens.

Source: Isik et al. 2024, "Scaling Laws for Downstream Task Performance of Large Language
Models". Holds where pre-training and task are well aligned; where they are not, the score may
move the other way while this loss still falls (then see `log_score`).
"""

from forescale.laws import Law, Param

LAW = Law(
    name="downstream_ce",
    formula="E + A/D^alpha",
    inputs=("D",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "downstream loss at unlimited pre-training"),
        Param("A", "nats/token * tokens^alpha", 0.0, 1e12, "cost of finite pre-training"),
        Param("alpha", "1", 0.0, 2.0, "exponent of pre-training tokens"),
    ),
    summary="Loss on a downstream task after fine-tuning, against pre-training tokens.",
    when="One fine-tuning set and method, checkpoints pre-trained on growing data.",
    source="Isik et al. 2024, Scaling Laws for Downstream Task Performance of Large Language "
    "Models",
    typical={"E": 1.2, "A": 300.0, "alpha": 0.28},
    domain={"D": (1e8, 1e12)},
)
