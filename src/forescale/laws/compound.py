"""Compound scaling: cost as powers of depth, width and resolution.

Source: Dollar, Singh & Girshick 2021, "Fast and Accurate Model Scaling": of a convolutional
network flops go as d w^2 r^2, parameters as d w^2, activations as d w r^2. Fit it to any of
them; the exponents tell which.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="compound",
    formula="A*depth^a*width^b*res^c",
    inputs=("depth", "width", "res"),
    predicts="C",
    params=(
        Param(
            "A", "flops * layers^(-a) * neurons^(-b) * pixels^(-c)", 0.0, 1e20, "cost at unit shape"
        ),
        Param("a", "1", -1.0, 5.0, "exponent of depth: 1 by counting", (0.5, 1.5)),
        Param("b", "1", -1.0, 5.0, "exponent of width: 2 for flops", (0.5, 2.5)),
        Param("c", "1", -1.0, 5.0, "exponent of resolution: 2 for flops", (0.0, 2.5)),
    ),
    summary="Flops, parameters, activations or run time of a network from its shape.",
    when="Networks of one family whose depth, width and resolution vary apart.",
    source="Dollar et al. 2021, Fast and Accurate Model Scaling",
    typical={"A": 50.0, "a": 1.0, "b": 2.0, "c": 2.0},
    domain={"depth": (10.0, 200.0), "width": (32.0, 512.0), "res": (128.0, 600.0)},
    units={"depth": "layers", "width": "neurons", "res": "pixels"},
)
