"""Rectified law of fine-tuning: a pre-power phase, then a power law in examples.

Source: Lin et al. 2024, "Selecting Large Language Model to Fine-tune via Rectified Scaling
Law". The paper's D, the size of the fine-tuning set, is our n.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="rectified",
    formula="E + B/(Dl + n^beta)",
    inputs=("n",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "loss at unlimited examples"),
        Param("B", "nats/token * examples^beta", 0.0, 1e12, "cost of finite examples"),
        Param("Dl", "examples^beta", 0.0, 1e12, "what pre-training is worth in examples^beta"),
        Param("beta", "1", 0.0, 3.0, "exponent of examples"),
    ),
    summary="Slow at first, while examples add little to pre-training; then a power law.",
    when="Fine-tuning sets from tens to many thousands of examples, to choose a base model "
    "from cheap small runs; needs runs in both phases.",
    source="Lin et al. 2024, Selecting Large Language Model to Fine-tune via Rectified Scaling Law",
    typical={"E": 1.2, "B": 60.0, "Dl": 40.0, "beta": 0.5},
    domain={"n": (10.0, 1e6)},
    units={"n": "examples"},
)
