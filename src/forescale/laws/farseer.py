"""Farseer: floor, size of the data term and data exponent all move with model size.

Source: Li et al. 2025, "Predictable Scale: Part II, Farseer". Its loss is in bits per
character; typical values are near the paper's, not checked to the last digit. The data
exponent depends on N, so no change of parameters makes up for another unit of D: D is a plain
number of tokens here.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="farseer",
    formula="exp(a3*N^c3 + b3) + exp(a2*N^c2 + b2)/D^exp(a1*N^c1 + b1)",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("a1", "params^(-c1)", -1e6, 1e6, "slope of the log data exponent", (-3.0, 0.0)),
        Param("b1", "1", -20.0, 20.0, "offset of the log data exponent", (-1.0, 1.0)),
        Param("c1", "1", -1.0, 1.0, "power of size in the data exponent", (0.02, 0.3)),
        Param("a2", "params^(-c2)", -1e6, 1e6, "slope of the log data cost", (1.0, 20.0)),
        Param("b2", "1", -50.0, 50.0, "offset of the log data cost", (-10.0, 5.0)),
        Param("c2", "1", -1.0, 1.0, "power of size in the data cost", (-0.3, -0.02)),
        Param("a3", "params^(-c3)", -1e6, 1e6, "slope of the log floor", (-2.0, 0.0)),
        Param("b3", "1", -20.0, 20.0, "offset of the log floor", (-1.0, 1.0)),
        Param("c3", "1", -1.0, 1.0, "power of size in the floor", (0.02, 0.3)),
    ),
    summary="A loss surface whose data exponent changes with size.",
    when="A full grid of N and D with hundreds of runs; nine parameters ask for no less.",
    source="Li et al. 2025, Predictable Scale: Part II, Farseer",
    typical={
        "a1": -0.124,
        "b1": 0.424,
        "c1": 0.123,
        "a2": 88.01,
        "b2": -5.287,
        "c2": -0.1,
        "a3": -0.021,
        "b3": 0.091,
        "c3": 0.169,
    },
    domain={"N": (2e8, 1e10), "D": (2e9, 2e11)},
    units={"D": "1"},
)
