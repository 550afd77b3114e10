"""Routed experts: a bilinear law in log size and log expert count.

Source: Clark et al. 2022, "Unified Scaling Laws for Routed Language Models": log L = a log N +
b log Eh + c log N log Eh + d with Eh a saturating map of the number of experts, 1/Eh =
1/(experts - 1 + 1/(1/Estart - 1/Emax)) + 1/Emax. The same four coefficients are written as
alpha = -a, N1 = exp(-d/a), c and Nc = exp(-b/c), which keep their meaning in any unit of N;
Nc is the paper's size at which routing stops helping. The paper's logarithms are to base 10,
so c is its c divided by log(10). Typical values are the paper's for S-BASE.
"""

from forescale.laws import Law, Param

_EH = "1/(1/(experts - 1 + 1/(1/Estart - 1/Emax)) + 1/Emax)"

LAW = Law(
    name="routed_experts",
    formula=f"(N1/N)^alpha/({_EH})^(c*log(Nc/N))",
    inputs=("N", "experts"),
    predicts="L",
    params=(
        Param("alpha", "1", 0.0, 2.0, "exponent of parameters without routing", (0.03, 0.5)),
        Param("N1", "params", 0.0, 1e60, "size at which the loss would be one nat", (10.0, 1e9)),
        Param("c", "1", 0.0, 1.0, "how much experts help", (1e-3, 0.1)),
        Param("Nc", "params", 0.0, 1e40, "size at which experts stop helping", (10.0, 1e6)),
        Param("Estart", "1", 0.5, 10.0, "worth of a single expert", (1.0, 3.0)),
        Param("Emax", "1", 16.0, 1e5, "most experts that can count", (50.0, 1000.0)),
    ),
    summary="Experts help by a power of their number that shrinks as the model grows.",
    when="Dense sizes crossed with expert counts from 1 to hundreds, data held fixed.",
    source="Clark et al. 2022, Unified Scaling Laws for Routed Language Models",
    typical={
        "alpha": 0.082,
        "N1": 2.9e13,
        "c": 0.0039,
        "Nc": 1e12,
        "Estart": 1.847,
        "Emax": 314.5,
    },
    domain={"N": (1.5e7, 1.5e9), "experts": (1.0, 512.0)},
    units={"experts": "1"},
)
