"""Fine-tuning: error as a floor and a power law in the number of examples.

Source: Raghavendra, Nath & Hendryx 2024, "Revisiting the Superficial Alignment Hypothesis":
what post-training brings keeps growing as a power of the number of examples. The floor is
ours, as in the laws of pre-training.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="finetune_power",
    formula="E + A/n^alpha",
    inputs=("n",),
    predicts="err",
    params=(
        Param("E", "1", 0.0, 10.0, "error, or loss, at unlimited examples"),
        Param("A", "examples^alpha", 0.0, 1e9, "cost of finite examples"),
        Param("alpha", "1", 0.0, 2.0, "exponent of examples"),
    ),
    summary="A floor plus a power law in fine-tuning examples.",
    when="One base model fine-tuned on growing samples of one task; at least 5 sizes.",
    source="Raghavendra et al. 2024, Revisiting the Superficial Alignment Hypothesis",
    typical={"E": 0.1, "A": 1.2, "alpha": 0.25},
    domain={"n": (100.0, 1e5)},
    units={"n": "examples"},
)
