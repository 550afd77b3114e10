"""Attention alone makes all tokens equal, doubly exponentially with depth; skips prevent it.

Source: Dong, Cordonnier & Loukas 2021, "Attention is Not All You Need: Pure Attention Loses Rank
Doubly Exponentially with Depth".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds

Array = NDArray[np.float64]

TOKENS, WIDTH, DEPTH, WORLDS, HEADS = 32, 64, 12, 12, 1
FULL_WORLDS, FULL_HEADS = 100, 4
#: Residuals below this are rounding.
FINE = 1e-13
GROWTH, APART, EQUAL = 2.0, 0.1, 1e-10


def apart(x: Array) -> float:
    """Relative distance of the tokens from the nearest matrix of equal ones, in Frobenius norm.

    Args:
        x: Shape (tokens, width).

    Returns:
        Norm of the tokens less their mean, over the norm of the tokens: 0 for equal ones.
    """
    return float(np.linalg.norm(x - x.mean(0)) / np.linalg.norm(x))


def attention(x: Array, weights: Array) -> Array:
    """Self-attention of several heads, added up, shape (tokens, width).

    Args:
        x: Tokens, shape (tokens, width).
        weights: Queries, keys, and values times outputs, shape (3, heads, width, width).
    """
    query, key = x @ weights[0], x @ weights[1]
    scores = query @ key.swapaxes(1, 2) / np.sqrt(x.shape[1])
    scores -= scores.max(-1, keepdims=True)
    share = np.exp(scores)
    share /= share.sum(-1, keepdims=True)
    return np.asarray((share @ x @ weights[2]).sum(0))


def residuals(rng: np.random.Generator, heads: int, *, skips: bool) -> Array:
    """How far tokens are from equal after each layer of random attention, shape (DEPTH + 1,)."""
    x = rng.normal(size=(TOKENS, WIDTH))
    found = [apart(x)]
    for _ in range(DEPTH):
        weights = rng.normal(size=(3, heads, WIDTH, WIDTH)) / np.sqrt(WIDTH)
        weights[2] /= np.sqrt(heads)
        x = attention(x, weights) + (x if skips else 0)
        found.append(apart(x))
    return np.array(found)


def growth(found: Array) -> float:
    """By how much the logarithm of the residual grows in a layer, at least.

    From the first layer on, for as long as there is more left than rounding; 3 by the theory's
    bound, 1 were the fall exponential. NaN where less than two layers leave so much.
    """
    usable = found[1:][found[1:] > FINE]
    if len(usable) < 2:
        return float("nan")
    logs = np.log(usable)
    return float((logs[1:] / logs[:-1]).min())


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Residuals of random attention stacks with and without skips."""
    worlds, heads = (FULL_WORLDS, FULL_HEADS) if rerun else (WORLDS, HEADS)
    rng = np.random.default_rng([seed, 2103])
    progress(f"{worlds} stacks of {DEPTH} layers, with and without skips")
    # In the false world what is called pure has skips.
    pure = np.array([residuals(rng, heads, skips=falsified) for _ in range(worlds)])
    skipped = np.array([residuals(rng, heads, skips=True) for _ in range(worlds)])
    return judge(
        {
            "growth": over_worlds(
                [growth(r) for r in pure],
                mean,
                seed=seed,
                least=GROWTH,
                what="least factor of the residual's logarithm in a layer; 1 were exponential",
            ),
            "pure_end": over_worlds(
                pure[:, -1],
                mean,
                seed=seed,
                most=EQUAL,
                what=f"relative distance from equal tokens after {DEPTH} layers of attention alone",
            ),
            "skip_end": over_worlds(
                skipped[:, -1], mean, seed=seed, least=APART, what="the same, with skips"
            ),
            **{
                f"pure_{i}": over_worlds(
                    pure[:, i], mean, seed=seed, what=f"distance after layer {i}, attention alone"
                )
                for i in (1, 2, 3)
            },
        },
        f"simulation: {2 * worlds} random stacks of {DEPTH} layers, {TOKENS} tokens, width {WIDTH}",
    )


STUDY = Study(
    name="attention_rank_collapse",
    papers=(
        "Attention is Not All You Need: Pure Attention Loses Rank Doubly Exponentially with Depth",
    ),
    claim="Through layers of attention alone tokens become equal doubly exponentially, and through "
    "layers with skips they do not.",
    criteria="Without skips the logarithm of the relative distance from equal tokens grows at "
    f"least {GROWTH:g}-fold in every layer and ends at {EQUAL:g} or less; with skips the distance "
    f"ends at {APART} or more.",
    check=check,
    full=f"{FULL_WORLDS} stacks of {FULL_HEADS} heads instead of {WORLDS} of {HEADS}",
    falsified="attention alone has skips too",
    note="Random Gaussian weights, no layer norm and no dense layers. With skips tokens come "
    "nearer too, but only exponentially, how fast by the size of the values: at ours 0.2 is left "
    "after 12 layers, and the limit was set after looking. Distances are in the Frobenius norm, "
    "the paper's in the geometric mean of two others; the factor of 3 is its bound. Distances "
    f"under {FINE:g} are rounding and count for no factor.",
)
