"""Updates to data: environment steps a value-based agent needs to reach a return.

Source: Rybkin et al. 2025, "Value-Based Deep RL Scales Predictably": Dmin + (b/s)^a, s the
number of updates per step of data. The paper sets batch and learning rate by powers of s too.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="utd",
    formula="Dmin + (b/s)^a",
    inputs=("s",),
    predicts="env_steps",
    params=(
        Param("Dmin", "env_steps", 0.0, 1e12, "data needed at unlimited updates"),
        Param("b", "utd * env_steps^(1/a)", 0.0, 1e40, "cost of few updates", (1e3, 1e12)),
        Param("a", "1", 0.05, 3.0, "exponent of the ratio", (0.3, 1.5)),
    ),
    summary="More updates per step of data save data, down to a least amount.",
    when="One environment and one return to reach, ratios over at least a decade, batch and "
    "learning rate tuned at each.",
    source="Rybkin et al. 2025, Value-Based Deep RL Scales Predictably",
    typical={"Dmin": 2e5, "b": 6.6e7, "a": 0.7},
    domain={"s": (0.25, 32.0)},
    units={"s": "utd"},
)
