"""Sparse autoencoders: reconstruction error from latents and active latents.

Source: Gao et al. 2024, "Scaling and evaluating sparse autoencoders", the joint law L(n, k)
with its irreducible part in k. Latents and active latents are plain numbers: the law holds
their logarithms and a product of them, so no power makes up for another unit. Typical values
are the paper's for GPT-4.
"""

from forescale.laws import Law, Param

LAW = Law(
    name="sparse_autoencoder",
    formula="exp(a + bk*log(k) + bn*log(latents) + g*log(k)*log(latents)) + exp(z + h*log(k))",
    inputs=("latents", "k"),
    predicts="mse",
    params=(
        Param("a", "1", -50.0, 50.0, "offset of the part that latents reduce", (-3.0, 3.0)),
        Param("bk", "1", -5.0, 5.0, "effect of active latents", (-0.5, 0.5)),
        Param("bn", "1", -5.0, 5.0, "effect of latents", (-0.5, 0.2)),
        Param("g", "1", -1.0, 1.0, "effect of both together", (-0.1, 0.05)),
        Param("z", "1", -50.0, 50.0, "offset of the part that latents do not reduce", (-3.0, 0.0)),
        Param("h", "1", -5.0, 5.0, "its effect of active latents", (-0.5, 0.2)),
    ),
    summary="Two power laws in active latents, one of which falls with the number of latents.",
    when="Autoencoders on one layer of one model, latents and active latents both varied over "
    "a decade or more, trained to convergence.",
    source="Gao et al. 2024, Scaling and evaluating sparse autoencoders",
    typical={"a": -0.5, "bk": 0.26, "bn": -0.017, "g": -0.042, "z": -1.32, "h": -0.085},
    domain={"latents": (2048.0, 1.6e7), "k": (8.0, 512.0)},
    units={"latents": "1", "k": "1"},
)
