"""Data mixing law for three domains.

Source: Ye et al. 2024, "Data Mixing Laws: Optimizing Data Mixtures by Predicting Language
Modeling Performance"; see `mixture`. r1 and r2 are the shares of two domains, the rest is the
third's.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="mixture_three",
    formula="E + k*exp(t1*r1 + t2*r2)",
    inputs=("r1", "r2"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "loss no mixture falls below"),
        Param("k", "nats/token", 0.0, 1e6, "what is above it with the third domain alone"),
        Param("t1", "1", -50.0, 50.0, "effect of the first domain: negative helps", (-5.0, 5.0)),
        Param("t2", "1", -50.0, 50.0, "effect of the second domain: negative helps", (-5.0, 5.0)),
    ),
    summary="Loss on one domain is exponential in the shares of the data.",
    when="One size and one amount of data, at least 10 mixtures of three domains.",
    source="Ye et al. 2024, Data Mixing Laws",
    typical={"E": 1.5, "k": 1.2, "t1": -2.0, "t2": 0.7},
    domain={"r1": (0.0, 0.5), "r2": (0.0, 0.5)},
    units={"r1": "1", "r2": "1"},
)
