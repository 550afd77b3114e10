"""Step law: the best learning rate from size and data.

Source: Li et al. 2025, "Predictable Scale: Part I, Step Law": 1.79 N^-0.713 D^0.307, N without
embeddings.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="step_law_lr",
    formula="c*D^v/N^u",
    inputs=("N", "D"),
    predicts="lr",
    params=(
        Param("c", "params^u * tokens^(-v)", 0.0, 1e30, "learning rate at unit scales"),
        Param("u", "1", -3.0, 3.0, "how it falls with parameters", (0.0, 1.0)),
        Param("v", "1", -3.0, 3.0, "how it rises with tokens", (0.0, 1.0)),
    ),
    summary="The best peak learning rate is a product of powers of size and data.",
    when="The best learning rate found at each of several pairs N, D; see lr_batch_bowl.",
    source="Li et al. 2025, Predictable Scale: Part I, Step Law",
    typical={"c": 1.79, "u": 0.713, "v": 0.307},
    domain={"N": (5e7, 1e9), "D": (2e9, 1e11)},
)
