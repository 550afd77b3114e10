"""Superposition: loss against the width of the representation.

Source: Liu, Liu & Gore 2025, "Superposition Yields Robust Neural Scaling". In strong
superposition features overlap and the loss falls as 1/m whatever their frequencies (alpha
near 1); in weak superposition only the most frequent ones are kept and alpha follows the
spectrum.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="superposition",
    formula="E + A/m^alpha",
    inputs=("m",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "loss at unlimited width"),
        Param("A", "nats/token * neurons^alpha", 0.0, 1e12, "cost of finite width"),
        Param(
            "alpha", "1", 0.0, 3.0, "exponent of width: near 1 in strong superposition", (0.2, 1.6)
        ),
    ),
    summary="A floor plus a power law in width, whose exponent tells the regime.",
    when="Models of growing width, enough depth and data, to ask which regime they are in.",
    source="Liu et al. 2025, Superposition Yields Robust Neural Scaling",
    typical={"E": 1.9, "A": 300.0, "alpha": 0.91},
    domain={"m": (256.0, 16384.0)},
    units={"m": "neurons"},
)
