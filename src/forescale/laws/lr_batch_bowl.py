"""Bowl of loss around the best learning rate and batch size.

Source: Li et al. 2025, "Predictable Scale: Part I, Step Law", who find the loss convex in both
at one size and amount of data; the parabola in the two logarithms is ours. Its centre is what
`step_law_lr` and `step_law_batch` predict.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="lr_batch_bowl",
    formula="L0 + a*log(lr/lr0)^2 + b*log(batch/B0)^2 + c*log(lr/lr0)*log(batch/B0)",
    inputs=("lr", "batch"),
    predicts="L",
    params=(
        Param("L0", "nats/token", 0.0, 100.0, "loss at the best setting"),
        Param("lr0", "rate", 0.0, 1e6, "best learning rate"),
        Param("B0", "tokens", 0.0, 1e12, "best batch size"),
        Param("a", "nats/token", 0.0, 100.0, "bend in the learning rate", (1e-3, 0.1)),
        Param("b", "nats/token", 0.0, 100.0, "bend in the batch size", (1e-3, 0.1)),
        Param(
            "c",
            "nats/token",
            -100.0,
            100.0,
            "tilt: negative if both should rise together",
            (-0.05, 0.05),
        ),
    ),
    summary="Loss near the best learning rate and batch size at one size and amount of data.",
    when="A grid of learning rates and batch sizes around the best, at least 10 runs; far from "
    "it the loss is steeper than a parabola.",
    source="Li et al. 2025, Predictable Scale: Part I, Step Law",
    typical={"L0": 2.5, "lr0": 1e-3, "B0": 5e5, "a": 0.02, "b": 0.01, "c": -0.01},
    domain={"lr": (1e-4, 1e-2), "batch": (5e4, 5e6)},
    units={"lr": "rate"},
)
