"""Conformal quantiles and risk thresholds when some errors are more relevant than others."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, check_level

Array = NDArray[np.float64]

#: Slack of a comparison of sums of weights, which are equal only up to rounding.
ROUNDING = 1e-12


def weighted_quantile(
    scores: ArrayLike, weights: ArrayLike | None = None, *, level: float
) -> Array:
    """The score that the next one stays below with probability `level`.

    The next score joins the known ones with weight 1, at infinity, so the result is infinite
    where the known ones weigh less than level / (1 - level): nine at level 0.9. Coverage falls
    short of `level` by at most sum_i w_i d_i / (1 + sum_i w_i), d_i the total variation distance
    between the scores as they came and with the i-th and the next swapped: nothing if they are
    exchangeable. The weights must not depend on the scores.

    Args:
        scores: Known scores, the larger the worse, shape (..., n); several sets at once stand
            in the leading axes.
        weights: Relevance of each to the next, from 0 to 1, shape (n,) or (..., n); all 1 by
            default, which is split conformal prediction.
        level: Probability.

    Returns:
        The quantile, in the unit of the scores, of the shape of the leading axes.

    Raises:
        BadOption: If level or weights cannot be used, or a score is not a number.

    Source: Barber, Candes, Ramdas & Tibshirani 2023, "Conformal Prediction Beyond
    Exchangeability".

    >>> float(weighted_quantile(range(1, 20), level=0.9))
    18.0
    """
    s = np.asarray(scores, float)
    _check(s, level)
    w = relevance(weights, s)
    order = np.argsort(s, axis=-1)
    below = np.cumsum(np.take_along_axis(w, order, -1), axis=-1)
    enough = below >= level * (1.0 + w.sum(-1, keepdims=True)) - ROUNDING
    # One more score, at infinity, is the first to be enough where no known one is.
    ends = np.ones((*s.shape[:-1], 1))
    first = np.argmax(np.concatenate([enough, ends.astype(bool)], -1), axis=-1)
    known = np.concatenate([np.take_along_axis(s, order, -1), np.inf * ends], -1)
    return np.asarray(np.take_along_axis(known, first[..., None], -1)[..., 0])


def risk_threshold(
    losses: ArrayLike,
    grid: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    risk: float,
    worst: float = 1.0,
) -> Array:
    """The least setting that keeps the expected loss of the next case at `risk` or below.

    The next case joins the known ones with weight 1 and the worst loss. With the loss 1 where a
    score is above the setting and 0 elsewhere, this is `weighted_quantile` at level 1 - risk.

    Args:
        losses: Loss of each known case at each setting, shape (..., n, g), at most `worst`, and
            never rising along the grid.
        grid: Settings from the least to the most careful, shape (g,).
        weights: Relevance of each case to the next, from 0 to 1, shape (n,) or (..., n); all 1
            by default.
        risk: The expected loss that is allowed, in the unit of the loss.
        worst: The largest loss there can be.

    Returns:
        The setting, in the unit of the grid, of the shape of the leading axes; infinite where
        none of the grid is careful enough for so few cases.

    Raises:
        BadOption: If a loss rises along the grid, exceeds `worst` or is not a number, or the
            grid, the weights or the risk cannot be used.

    Source: Farinhas, Zerva, Ulmer & Martins 2024, "Non-Exchangeable Conformal Risk Control";
    with equal weights Angelopoulos, Bates, Fisch, Lei & Schuster 2024, "Conformal Risk Control".
    """
    loss, settings = np.asarray(losses, float), np.asarray(grid, float)
    if settings.ndim != 1 or loss.shape[-1:] != settings.shape or loss.ndim < 2:
        raise BadOption(f"losses of shape {loss.shape} do not fit a grid of {settings.shape}")
    if not (np.diff(settings) > 0).all():
        raise BadOption("the settings of the grid do not rise")
    if not (loss <= worst + ROUNDING).all():
        raise BadOption(f"a loss is {float(np.nanmax(loss)):g} or no number, the worst {worst:g}")
    if (np.diff(loss, axis=-1) > ROUNDING).any():
        raise BadOption("a loss rises along the grid", fix="order it from the least careful")
    if not risk < worst:
        raise BadOption(f"a risk of {risk:g} allows everything: no loss exceeds {worst:g}")
    w = relevance(weights, loss[..., 0])
    bound = ((w[..., None] * loss).sum(-2) + worst) / (1.0 + w.sum(-1))[..., None]
    safe = bound <= risk + ROUNDING
    chosen = settings[np.argmax(safe, axis=-1)]
    return np.asarray(np.where(safe.any(-1), chosen, np.inf))


def relevance(weights: ArrayLike | None, scores: Array) -> Array:
    """The weights, of the shape of the scores.

    Raises:
        BadOption: If one is not from 0 to 1, or there is not one for each score.
    """
    if weights is None:
        return np.ones_like(scores)
    w = np.asarray(weights, float)
    if w.shape[-1:] != scores.shape[-1:] or w.ndim > scores.ndim:
        raise BadOption(f"weights of shape {w.shape} for scores of shape {scores.shape}")
    if not ((w >= 0) & (w <= 1)).all():
        bad = float(w[~((w >= 0) & (w <= 1))][0])
        raise BadOption(f"a weight is {bad:g}", fix="the next case weighs 1: give 0 to 1")
    return np.broadcast_to(w, scores.shape)


def _check(scores: Array, level: float) -> None:
    check_level(level, "as in 0.9")
    if scores.ndim < 1 or np.isnan(scores).any():
        raise BadOption("a score is not a number")
