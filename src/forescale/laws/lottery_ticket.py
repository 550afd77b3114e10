"""Lottery-ticket ensembling: an averaging term beside an approximation term.

Source: Liu & Tegmark 2023, "A Neural Scaling Law from Lottery Ticket Ensembling": a network of
N parameters holds about N lottery tickets whose average errs as 1/N. The approximation term
N^(-4/d), d the intrinsic dimension of the data, is Sharma & Kaplan 2020, "A Neural Scaling Law
from the Dimension of the Data Manifold".
"""

from forescale.laws import Law, Param

LAW = Law(
    name="lottery_ticket",
    formula="A/N + B/N^(4/d)",
    inputs=("N",),
    predicts="L",
    params=(
        Param("A", "nats/token * params", 0.0, 1e15, "variance averaged away by size"),
        Param("B", "nats/token * params^(4/d)", 0.0, 1e15, "cost of finite resolution"),
        Param("d", "1", 0.5, 1000.0, "intrinsic dimension of the data", (5.0, 60.0)),
    ),
    summary="Error from averaging falls as 1/N, error from resolution as N^(-4/d).",
    when="Regression by networks of growing size at unlimited data; d near 4 makes the two "
    "terms one.",
    source="Liu & Tegmark 2023, A Neural Scaling Law from Lottery Ticket Ensembling",
    typical={"A": 2000.0, "B": 2.0, "d": 16.0},
    domain={"N": (100.0, 1e7)},
)
