"""Three factors: error from model size, data and image resolution together.

Source: Orhan 2023, "Scaling may be all you need for achieving human-level object recognition
capacity with human-like visual experience", who scales the three at once and extrapolates a
joint fit. The product of powers is the plain reading of it: its exact form was not checked.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="three_factors",
    formula="A/(N^alpha*n^beta*res^gamma)",
    inputs=("N", "n", "res"),
    predicts="err",
    params=(
        Param(
            "A", "params^alpha * examples^beta * pixels^gamma", 0.0, 1e30, "error at unit scales"
        ),
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters"),
        Param("beta", "1", 0.0, 2.0, "exponent of data"),
        Param("gamma", "1", 0.0, 2.0, "exponent of resolution"),
    ),
    summary="Error as a product of powers of model size, data and resolution.",
    when="Vision models with size, hours or images of data, and resolution varied together; "
    "errors well above what no model can avoid.",
    source="Orhan 2023, Scaling may be all you need for achieving human-level object "
    "recognition capacity with human-like visual experience",
    typical={"A": 60.0, "alpha": 0.08, "beta": 0.06, "gamma": 0.5},
    domain={"N": (2e7, 6e8), "n": (50.0, 5000.0), "res": (224.0, 476.0)},
    units={"n": "examples", "res": "pixels"},
)
