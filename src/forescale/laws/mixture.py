"""Data mixing law for two domains.

Source: Ye et al. 2024, "Data Mixing Laws: Optimizing Data Mixtures by Predicting Language
Modeling Performance". The paper's c + k exp(sum_j t_j r_j) has one t too many when the
proportions sum to one; here r1 is the first domain's, the rest is the second's.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="mixture",
    formula="E + k*exp(t1*r1)",
    inputs=("r1",),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "loss no mixture falls below"),
        Param("k", "nats/token", 0.0, 1e6, "what is above it with none of the first domain"),
        Param("t1", "1", -50.0, 50.0, "effect of the first domain: negative helps", (-5.0, 5.0)),
    ),
    summary="Loss on one domain is exponential in a domain's share of the data.",
    when="One size and one amount of data, at least 5 shares of one of two domains.",
    source="Ye et al. 2024, Data Mixing Laws",
    typical={"E": 1.5, "k": 1.2, "t1": -2.0},
    domain={"r1": (0.0, 1.0)},
    units={"r1": "1"},
)
