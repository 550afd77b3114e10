"""Networks that start from zeros and ones learn as well as random ones.

Source: Zhao et al. 2021, "ZerO Initialization: Initializing Neural Networks with only Zeros
and Ones".
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._digits import Array, Split, accuracy, digits, excess
from forescale.studies._interval import mean, over_worlds

WIDTHS = (64, 128, 128, 10)
LR = 0.1
#: Singular values above this part of the largest count towards the rank.
TOLERANCE = 1e-4
APART = 0.015


def hadamard(size: int) -> Array:
    """The matrix of ones and minus ones by Sylvester's doubling, size a power of two."""
    out = np.ones((1, 1), np.float32)
    while len(out) < size:
        out = np.block([[out, out], [out, -out]]).astype(np.float32)
    return out


def start(kind: str, rng: np.random.Generator) -> list[Array]:
    """Weights, shape (inputs, outputs) each.

    "zero" is the paper's: identities, padded where a layer narrows and spread by a Hadamard
    matrix where it widens; "identity" is padded everywhere; "random" is He's.
    """
    out = []
    for wide, to in pairwise(WIDTHS):
        if kind == "random":
            w = rng.normal(size=(wide, to)) * np.sqrt(2 / wide)
        elif kind == "zero" and to > wide:
            w = np.eye(wide, to) @ hadamard(to) * 2.0 ** (-(np.log2(to) - 1) / 2)
        else:
            w = np.eye(wide, to)
        out.append(w.astype(np.float32))
    return out


def train(weights: list[Array], data: Split, steps: int) -> tuple[list[Array], float]:
    """Weights after full-batch gradient descent, and the test accuracy."""
    w = [a.copy() for a in weights]
    b = [np.zeros(a.shape[1], np.float32) for a in w]

    def forward(x: Array) -> list[Array]:
        acts = [x]
        for i, (a, c) in enumerate(zip(w, b, strict=True)):
            z = acts[-1] @ a + c
            acts.append(z if i == len(w) - 1 else np.maximum(z, 0))
        return acts

    for _ in range(steps):
        acts = forward(data.x)
        _, g = excess(acts[-1], data.y)
        for i in reversed(range(len(w))):
            back = (g @ w[i].T) * (acts[i] > 0) if i else g
            w[i] -= np.float32(LR) * (acts[i].T @ g)
            b[i] -= np.float32(LR) * g.sum(0)
            g = back
    return w, accuracy(forward(data.x_test)[-1], data.y_test)


def rank(update: Array) -> float:
    """Numerical rank of a weight's change."""
    s = np.linalg.svd(np.asarray(update, float), compute_uv=False)
    return float((s > TOLERANCE * s[0]).sum())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Train from three starts on splits of the digits; compare accuracy and rank."""
    splits, examples, steps = (10, 1437, 300) if rerun else (4, 300, 150)
    rng = np.random.default_rng([seed, 2110])
    progress(f"{3 * splits} networks on the digits")
    # In the false world nothing spreads the inputs where the network widens.
    kinds = {"zero": "identity" if falsified else "zero", "identity": "identity"}
    score: dict[str, list[float]] = {"zero": [], "identity": [], "random": []}
    ranks: dict[str, list[float]] = {"zero": [], "identity": []}
    again = 0.0
    for split in range(splits):
        data = digits(rng, examples)
        for kind, scores in score.items():
            weights = start(kinds.get(kind, kind), rng)
            learned, right = train(weights, data, steps)
            scores.append(right)
            if kind in ranks:
                ranks[kind].append(rank(learned[1] - weights[1]))
            if kind == "zero" and not split:
                # Another source of chance, the same network: nothing in it was drawn.
                other = train(start(kinds[kind], np.random.default_rng(split + 1)), data, steps)[0]
                again = max(float(np.abs(p - q).max()) for p, q in zip(learned, other, strict=True))
    zero, identity, random = (np.array(score[k]) for k in ("zero", "identity", "random"))
    return judge(
        {
            "accuracy_lost": over_worlds(
                random - zero,
                mean,
                seed=seed,
                most=APART,
                what="test accuracy of random starts less that of zeros and ones",
            ),
            "rank": over_worlds(
                ranks["zero"],
                mean,
                seed=seed,
                least=WIDTHS[0] + 1.0,
                what="rank of the hidden layer's change from the Hadamard start",
            ),
            "rank_identity": over_worlds(
                ranks["identity"],
                mean,
                seed=seed,
                most=float(WIDTHS[0]),
                what="the same from padded identities alone",
            ),
            "seed_spread": Number(
                again, again, again, most=0.0, what="largest difference between two seeds' weights"
            ),
            "accuracy": over_worlds(zero, mean, seed=seed, what="test accuracy, zeros and ones"),
            "accuracy_random": over_worlds(random, mean, seed=seed, what="the same, random"),
            "accuracy_identity": over_worlds(
                identity, mean, seed=seed, what="the same, padded identities"
            ),
        },
        f"scikit-learn's digits, {splits} splits with {examples} training examples",
    )


STUDY = Study(
    name="zero_initialization",
    papers=("ZerO Initialization: Initializing Neural Networks with only Zeros and Ones",),
    claim="Identity and Hadamard matrices replace random initial weights: the network learns as "
    "well, with no chance in it, and the Hadamard matrix frees it from the rank of its inputs.",
    criteria=f"Test accuracy is at most {APART:.1%} below that of random starts, the hidden "
    f"layer's change has a rank above {WIDTHS[0]} with the Hadamard matrix and at most that with "
    "identities alone, and two seeds differ by 0.",
    check=check,
    full="all 1437 examples and 300 steps on 10 splits, instead of 300 and 150 on 4",
    falsified="padded identities everywhere",
    note="A small fully connected network, not the paper's residual ones. A net of zeros and "
    "ones may be better than a random one; only being worse counts against it.",
)
