"""Four regimes: limited by variance or by resolution, in data or in width.

Source: Bahri et al. 2021, "Explaining Neural Scaling Laws". The paper states the four limits:
at unlimited width the loss falls as D^-alpha and at unlimited data as m^-alpha (resolution
limited, with one exponent by duality, about 4 over the dimension of the data); at fixed width
the distance to the limit falls as 1/D, at fixed data as 1/m (variance limited). It gives no
joint formula; this is the simplest that has all four.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="four_regimes",
    formula="E + (A/m + B/D)^alpha",
    inputs=("D", "m"),
    predicts="L",
    params=(
        Param("E", "nats/token", 0.0, 100.0, "irreducible loss"),
        Param("A", "(nats/token)^(1/alpha) * neurons", 0.0, 1e20, "cost of finite width"),
        Param("B", "(nats/token)^(1/alpha) * tokens", 0.0, 1e20, "cost of finite data"),
        Param("alpha", "1", 0.01, 3.0, "exponent where resolution limits", (0.1, 1.0)),
    ),
    summary="Exponent 1 where variance limits, one other exponent where resolution limits.",
    when="A grid of widths and data sizes that reaches from one limit to the other.",
    source="Bahri et al. 2021, Explaining Neural Scaling Laws",
    typical={"E": 0.3, "A": 50.0, "B": 1e6, "alpha": 0.35},
    domain={"D": (1e5, 1e8), "m": (16.0, 8192.0)},
    units={"m": "neurons"},
)
