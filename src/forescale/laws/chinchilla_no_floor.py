"""Chinchilla's law without its floor.

Source: the form of Hoffmann et al. 2022 with E = 0: the rival that shows how much of a
forecast rests on the floor. It does no worse on many suites of small runs.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="chinchilla_no_floor",
    formula="A/N^alpha + B/D^beta",
    inputs=("N", "D"),
    predicts="L",
    params=(
        Param("A", "nats/token * params^alpha", 0.0, 1e12, "cost of finite size"),
        Param("B", "nats/token * tokens^beta", 0.0, 1e12, "cost of finite data"),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
        Param("beta", "1", 0.0, 2.0, "exponent of tokens"),
    ),
    summary="Separate power laws in parameters and in tokens that fall to zero.",
    when="As a rival of chinchilla where the runs are too few or too small to fix a floor.",
    source="Hoffmann et al. 2022, Training Compute-Optimal Large Language Models (with E = 0)",
    typical={"A": 10.0, "B": 15.0, "alpha": 0.1, "beta": 0.1},
    domain={"N": (4e7, 1.6e10), "D": (2e8, 3e11)},
)
