"""The share of predictions that a small attack changes is a power law in its size, of power one.

Source: Cubuk, Zoph, Schoenholz & Le 2017, "Intriguing Properties of Adversarial Examples".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._digits import CLASSES, digits
from forescale.studies._interval import number
from forescale.studies._live import need_torch
from forescale.studies._networks import dense

Array = NDArray[np.float64]

EXAMPLES, TEST, BATCH, LR = 1000, 790, 128, 3e-3
#: Hidden widths, whether labels are permuted, and steps of Adam.
NETWORKS = {
    "linear": ((), False, 80),
    "shallow": ((64,), False, 80),
    "deep": ((64, 64), False, 80),
    "random_labels": ((64, 64), True, 120),
}
MORE = {"wide": ((256,), False, 80), "deeper": ((64,) * 4, False, 120)}
#: Largest change of a pixel, in units of all pixels' standard deviation.
SIZES = tuple(np.geomspace(1e-4, 0.5, 24).round(6).tolist())
#: Small attacks change shares of predictions between these.
SMALL = (0.01, 0.1)
OFF, EACH = 0.2, 0.3
RESAMPLES = 1000


def power(sizes: Array, flipped: Array) -> Array:
    """Power of the size with which shares grow between the two of SMALL.

    Args:
        sizes: Sizes of the attack, rising, shape (s,).
        flipped: Shares of predictions that it changes, shape (..., s).

    Returns:
        Shape (...); large and finite where shares jump from nothing to more than is small.
    """
    rising = np.maximum.accumulate(flipped, axis=-1)
    at = np.apply_along_axis(lambda row: np.interp(SMALL, row, np.log(sizes)), -1, rising)
    return np.asarray(np.log(SMALL[1] / SMALL[0]) / np.maximum(at[..., 1] - at[..., 0], 1e-3))


def attacked(
    rng: np.random.Generator, hidden: tuple[int, ...], permuted: bool, steps: int, *, sure: bool
) -> Array:
    """Shares of predictions on unseen images that attacks of each size change.

    The right answer is taken to be the network's own, so that permuted labels can be attacked too.

    Args:
        rng: Source of the split, the labels' order, the weights and the batches.
        hidden: Hidden widths.
        permuted: Whether it is trained on permuted labels.
        steps: Steps of Adam.
        sure: Attack only the images on whose answer the network is surest, one in two.

    Returns:
        The shares, shape (sizes,).
    """
    import torch
    from torch.nn.functional import cross_entropy

    from forescale.probes import read

    data = digits(rng, EXAMPLES, TEST)
    x = torch.from_numpy(data.x)
    y = torch.from_numpy(rng.permutation(data.y) if permuted else data.y)
    model = dense((x.shape[1], *hidden, CLASSES), int(rng.integers(2**31)))
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    for rows in torch.from_numpy(rng.integers(0, EXAMPLES, (steps, BATCH))):
        optimizer.zero_grad()
        cross_entropy(model(x[rows]), y[rows]).backward()
        optimizer.step()
    unseen = torch.from_numpy(data.x_test)
    with torch.no_grad():
        logits = model(unseen)
    if sure:
        two = logits.topk(2).values
        unseen = unseen[(two[:, 0] - two[:, 1]).argsort()[TEST // 2 :]]
    with torch.no_grad():
        answers = model(unseen).argmax(1)
    seen = read("robustness", model, (unseen, answers), cross_entropy, sizes=SIZES, steps=1)
    return np.array([seen.values[f"fgsm_flipped/{size:g}"] for size in SIZES])


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train networks of several shapes, on real and on permuted labels, and attack them."""
    need_torch()
    worlds = 20 if rerun else 4
    networks = {**NETWORKS, **MORE} if rerun else NETWORKS
    rng = np.random.default_rng([seed, 1711])
    sizes = np.array(SIZES)
    powers, numbers = {}, {}
    # Resamples of splits, the same for every network.
    pick = rng.integers(0, worlds, (RESAMPLES, worlds))
    for name, (hidden, permuted, steps) in networks.items():
        progress(f"{worlds} networks: {name}")
        seen = np.stack(
            [attacked(rng, hidden, permuted, steps, sure=falsified) for _ in range(worlds)]
        )
        powers[name] = power(sizes, seen.mean(0)[None]), power(sizes, seen[pick].mean(1))
        kind = f"hidden widths {', '.join(map(str, hidden)) or 'none'}"
        numbers[f"power_{name}"] = number(
            powers[name][0].item(),
            powers[name][1],
            least=1 - EACH,
            most=1 + EACH,
            what=f"power of the changed share in the attack's size, {kind}"
            + (", permuted labels" if permuted else ""),
        )
    centre, drawn = (np.stack([p[i] for p in powers.values()]) for i in (0, 1))
    return judge(
        {
            "power": number(
                float(centre.mean()),
                drawn.mean(0),
                least=1 - OFF,
                most=1 + OFF,
                what=f"mean power over {len(networks)} kinds of network",
            ),
            **numbers,
        },
        f"scikit-learn's digits, {worlds} splits with {EXAMPLES} training and {TEST} attacked "
        "images",
    )


STUDY = Study(
    name="adversarial_power_law",
    papers=("Intriguing Properties of Adversarial Examples",),
    claim="The share of predictions that a small sign-gradient attack changes grows with its size "
    "by a power law of power one, whatever the network and its labels.",
    criteria=f"Between {SMALL[0]:.0%} and {SMALL[1]:.0%} of predictions changed, the mean power "
    f"over kinds of network is within {OFF} of 1, and that of each kind within {EACH}.",
    check=check,
    full="20 splits instead of 4, and two more shapes",
    falsified="only the half of the images on which the network is surest is attacked: none lies "
    "near a boundary",
    note="A share grows with power one where some inputs lie at any small distance from a "
    "boundary. It does not hold for images that a network has learned by heart: dense networks of "
    "three layers that know all permuted labels answer those with a margin, and no small attack "
    "changes them. We therefore attack unseen images, and take the network's own answer for the "
    "right one. Beyond a tenth the share grows faster, with a power of about one and a half, "
    "before it bends to 1. That of a single kind of network is given wider limits: a hundredth is "
    "some thirty images.",
)
