"""Steps to a target loss against the batch size.

Source: McCandlish et al. 2018, "An Empirical Model of Large-Batch Training": S steps and
E = B S tokens to one target obey (S/Smin - 1)(E/Emin - 1) = 1, with Bcrit = Emin/Smin.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="critical_batch",
    formula="Smin*(1 + Bcrit/batch)",
    inputs=("batch",),
    predicts="S",
    params=(
        Param("Smin", "steps", 0.0, 1e12, "steps needed at an unlimited batch"),
        Param("Bcrit", "tokens", 0.0, 1e12, "batch at which twice as many are needed"),
    ),
    summary="Steps needed to reach one loss fall with the batch until a critical size.",
    when="One model, several batch sizes, each with its own tuned learning rate, and the steps "
    "at which each passes the same loss.",
    source="McCandlish et al. 2018, An Empirical Model of Large-Batch Training",
    typical={"Smin": 1e4, "Bcrit": 2e6},
    domain={"batch": (5e4, 5e7)},
    units={"batch": "tokens"},
)
