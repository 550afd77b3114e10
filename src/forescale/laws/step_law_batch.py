"""Step law: the best batch size from data.

Source: Li et al. 2025, "Predictable Scale: Part I, Step Law": 0.58 D^0.571 tokens, all but
independent of size.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="step_law_batch",
    formula="k*D^w",
    inputs=("D",),
    predicts="batch",
    params=(
        Param("k", "batch_tokens * tokens^(-w)", 0.0, 1e30, "batch at one token"),
        Param("w", "1", -3.0, 3.0, "exponent of tokens", (0.0, 1.0)),
    ),
    summary="The best batch size is a power of the training tokens.",
    when="The best batch found at each of several amounts of data; see lr_batch_bowl.",
    source="Li et al. 2025, Predictable Scale: Part I, Step Law",
    typical={"k": 0.58, "w": 0.571},
    domain={"D": (2e9, 1e11)},
)
