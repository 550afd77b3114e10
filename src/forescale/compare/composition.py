"""Shares that add up to one, such as data mixtures: log-ratios, and what they say of a loss.

A share can only grow if others shrink, so plain correlations of shares are about the sum, not
about the parts. Log-ratios have no such constraint. A partial correlation is the same whichever
part the ratios are taken to; the correlation of two log-ratios is not.

A share of zero has no logarithm. Zeros are replaced by a small share, and the other parts of
the row shrink by one factor, so that their ratios stay (multiplicative replacement). What is put
in place of a zero sets how large the step from none to some is: results on tables of many
zeros hang on it, and `drivers` says so.

Source: Aitchison 1982, "The Statistical Analysis of Compositional Data"; Egozcue et al. 2003,
"Isometric Logratio Transformations for Compositional Data Analysis"; Martín-Fernández et al.
2003, "Dealing with Zeros and Missing Values in Compositional Data Sets"; Erb 2020, "Partial
Correlations in Compositional Data Analysis".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forescale.errors import BadOption, BadTable

Array = NDArray[np.float64]

#: A zero becomes this share of the smallest share that is not zero.
REPLACED = 0.65


def close(parts: ArrayLike) -> Array:
    """Parts scaled so that each row adds up to one, shape (n, D).

    Args:
        parts: Amounts, shape (n, D), none negative, each row with a positive sum.

    Raises:
        BadTable: If an amount is negative or no number, or a row is all zero.
    """
    p = np.asarray(parts, float)
    bad = ~np.isfinite(p) | (p < 0)
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise BadTable(
            f"part {j + 1} of row {i + 1} is {p[i, j]:g}",
            where="composition",
            fix="give amounts that are zero or positive",
        )
    total = p.sum(axis=1, keepdims=True)
    if (total == 0).any():
        row = int(np.argmin(total)) + 1
        raise BadTable(f"all parts of row {row} are zero", where="composition", fix="drop it")
    return np.asarray(p / total)


def replace_zeros(parts: ArrayLike, share: float | None = None) -> tuple[Array, int]:
    """Closed parts without zeros, shape (n, D), and how many zeros there were.

    The ratios of the parts that were not zero stay as they are.

    Args:
        parts: As for `close`.
        share: What a zero becomes; by default 0.65 of the smallest share above zero.

    Raises:
        BadOption: If the share is not above zero, or a row's zeros would take all of it.

    Source: Martín-Fernández et al. 2003, whose 0.65 is of the detection limit.
    """
    p = close(parts)
    zero = p == 0
    if not zero.any():
        return p, 0
    small = REPLACED * float(p[~zero].min()) if share is None else share
    taken = small * zero.sum(axis=1, keepdims=True)
    if small <= 0 or taken.max() >= 1:
        raise BadOption(
            f"zeros replaced by {small:g} would take {taken.max():.0%} of a row",
            where="replace_zeros",
            fix="give a smaller share above zero",
        )
    return np.where(zero, small, p * (1.0 - taken)), int(zero.sum())


def alr(parts: Array, reference: int = -1) -> Array:
    """Additive log-ratios log(x_i / x_reference), shape (n, D - 1); parts are above zero."""
    logs = np.log(parts)
    return np.asarray(np.delete(logs - logs[:, [reference]], reference, axis=1))


def clr(parts: Array) -> Array:
    """Centred log-ratios, to the geometric mean of the row, shape (n, D); rows add up to zero."""
    logs = np.log(parts)
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def ilr(parts: Array) -> Array:
    """Isometric log-ratios in Helmert's basis, shape (n, D - 1): plain coordinates.

    Distances between rows are those of their centred log-ratios.
    """
    return clr(parts) @ basis(parts.shape[1]).T


def basis(parts: int) -> Array:
    """Helmert's orthonormal basis of the rows that add up to zero, shape (D - 1, D)."""
    out = np.tril(np.ones((parts, parts)), -1)[1:]
    k = np.arange(1, parts)
    out[k - 1, k] = -k
    return np.asarray(out / np.sqrt(k * (k + 1.0))[:, None])


def partial_correlations(parts: Array) -> Array:
    """Partial correlations of log-ratios that do not depend on the reference, shape (D, D).

    Entry (i, j) is the partial correlation of log(x_i/x_k) and log(x_j/x_k) given all other
    log-ratios to k, for any k but i and j; the diagonal is one.

    Args:
        parts: Shares above zero, shape (n, D), of more than D rows.

    Raises:
        BadTable: If the rows do not vary in all D - 1 directions.

    Source: Erb 2020, "Partial Correlations in Compositional Data Analysis".
    """
    z = ilr(parts)
    _varied(z)
    b = basis(parts.shape[1])
    # Precision in the larger space, where rows add up to zero.
    theta = b.T @ np.linalg.inv(np.atleast_2d(np.cov(z, rowvar=False))) @ b
    root = np.sqrt(np.diag(theta))
    out = -theta / np.outer(root, root)
    np.fill_diagonal(out, 1.0)
    return np.asarray(out)


def drives(parts: Array, outcomes: Array, weights: Array | None = None) -> Array:
    """Partial correlation of each part with each outcome, the other parts given.

    Of a part i it is that of log(x_i/x_k) with the outcome given all other log-ratios to k,
    for any other k: the outcome's answer to more of part i at the others' fixed ratios.

    Args:
        parts: Shares above zero, shape (n, D), of more than D rows.
        outcomes: Shape (n, q).
        weights: How often each row counts, shape (K, n); each once by default.

    Returns:
        Shape (K, D, q), or (D, q) without weights.

    Raises:
        BadTable: If the rows do not vary in all D - 1 directions, or an outcome is constant.
    """
    z = ilr(parts)
    _varied(z)
    if not (np.ptp(outcomes, axis=0) > 0).all():
        raise BadTable("an outcome is the same in all rows", where="composition", fix="drop it")
    w = np.ones((1, len(z))) if weights is None else weights
    both = np.concatenate([z, outcomes], axis=1)
    d = z.shape[1]
    found = np.stack(
        [_answers(np.cov(both, rowvar=False, fweights=row), d) for row in w.astype(int)]
    )
    return found[0] if weights is None else found


def _answers(covariance: Array, d: int) -> Array:
    """Partial correlations, shape (D, q), from the covariance of D - 1 = d ilr and q outcomes."""
    # Of the joint precision, block by block: what the outcome leaves over is s2.
    inverse = np.linalg.pinv(covariance[:d, :d], hermitian=True)
    slopes = inverse @ covariance[:d, d:]
    s2 = np.diag(covariance)[d:] - (slopes * covariance[:d, d:]).sum(axis=0)
    b = basis(d + 1)
    lifted = b.T @ slopes
    own = np.einsum("ij,ik,kj->j", b, inverse, b)
    return np.asarray(lifted / np.sqrt(np.maximum(s2, 0.0) * own[:, None] + lifted**2 + 1e-300))


def _varied(z: Array) -> None:
    n, d = z.shape
    size = z.std(axis=0)
    if n <= d + 2:
        raise BadTable(
            f"{n} rows for {d + 1} parts",
            where="composition",
            fix="give more rows than parts, or join some parts",
        )
    flat = size.min() < 1e-9 * size.max() or size.max() == 0
    if flat or np.linalg.cond(np.atleast_2d(np.corrcoef(z, rowvar=False))) > 1e12:
        raise BadTable(
            "some parts keep a fixed ratio, or follow from the others, in all rows",
            where="composition",
            fix="join them or leave one out",
        )


def contrast(parts: Array, outcomes: Array) -> tuple[Array, Array]:
    """Log-contrast fits y = b0 + sum_i b_i log x_i with sum_i b_i = 0, by least squares.

    Args:
        parts: Shares above zero, shape (n, D).
        outcomes: Shape (n, q).

    Returns:
        b, shape (D, q), in units of the outcome per e-fold of the part, and the share of the
        outcome's variance explained, shape (q,).

    Source: Aitchison & Bacon-Shone 1984, "Log Contrast Models for Experiments with Mixtures".
    """
    z = ilr(parts)
    design = np.column_stack([np.ones(len(z)), z])
    found, *_ = np.linalg.lstsq(design, outcomes, rcond=None)
    left = outcomes - design @ found
    spread = ((outcomes - outcomes.mean(axis=0)) ** 2).sum(axis=0)
    explained = 1.0 - (left**2).sum(axis=0) / np.maximum(spread, 1e-300)
    return basis(parts.shape[1]).T @ found[1:], np.asarray(explained)
