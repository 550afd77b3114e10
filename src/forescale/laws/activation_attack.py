"""Tokens an attacker controls, in proportion to the activations changed.

Source: Fort 2023, "Scaling Laws for Adversarial Attacks on Language Model Activations".
"""

from forescale.laws import Law, Param

LAW = Law(
    name="activation_attack",
    formula="kappa*a",
    inputs=("a",),
    predicts="tmax",
    params=(Param("kappa", "tokens/activations", 0.0, 1e6, "tokens controlled per activation"),),
    summary="The longest output an attack can force is linear in the activations it changes.",
    when="Attacks on the activations of one model, each with its longest forced output.",
    source="Fort 2023, Scaling Laws for Adversarial Attacks on Language Model Activations",
    typical={"kappa": 0.1},
    domain={"a": (64.0, 4096.0)},
    units={"a": "activations"},
)
