"""How far the algorithm has formed inside a network that adds modulo p, before it is heard.

A network that has learnt a + b modulo p scores c by cosines of w_k (a + b - c) of few
frequencies w_k = 2 pi k / p. The part of its scores that these few make out is then all it
needs (restricted loss), and without it even what it learnt by heart is lost (excluded loss).

Source: Nanda et al. 2023, "Progress measures for grokking via mechanistic interpretability".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from forescale.errors import BadOption
from forescale.lab.grok.losses import log1p

if TYPE_CHECKING:
    from forescale.lab.grok.fast import Fast
    from forescale.lab.grok.reference import Ints, Setup, Split

#: Share of what all frequencies make out that the key ones must.
KEY = 0.95
#: Operations on which one Fourier transform diagonalises the table, and the sign of b.
SIGNS = {"+": 1, "-": -1}


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Scores of all p^2 entries, taken apart by frequencies of a + b (or a - b).

    Args:
        scores: Scores of the p elements, shape (p, p, p) for a, b, c.
        sums: Where each entry's a + b stands, shape (p, p).
        means: Mean scores of each sum, shape (p, p) for sum and c.
        waves: Their Fourier coefficients, shape (p // 2 + 1, p).
        powers: Share of the scores' variance that each frequency makes out, shape (p // 2 + 1,);
            the constant's is zero. What is the same for all c, or for all entries, is left out,
            for it does not count in any answer or varies with no input.
    """

    scores: Tensor
    sums: Tensor
    means: Tensor
    waves: Tensor
    powers: Tensor


def check(setup: Setup, table: Ints | None = None) -> None:
    """Refuse an operation that frequencies do not take apart.

    Raises:
        BadOption: If it is not addition or subtraction modulo p.
    """
    if table is not None or setup.operation not in SIGNS:
        name = "a table" if table is not None else f"'{setup.operation}'"
        raise BadOption(
            f"measures of progress need addition or subtraction modulo p, not {name}",
            fix="leave the measures out, or choose + or -",
        )


def spectrum(scores: Tensor, sign: int = 1) -> Spectrum:
    """Scores taken apart by frequencies of a + sign b.

    Args:
        scores: Scores of the elements, shape (p, p, p) for a, b, c.
        sign: 1 or -1.
    """
    p = scores.shape[0]
    each = torch.arange(p, device=scores.device)
    sums = (each[:, None] + sign * each) % p
    z = scores.double()
    means = torch.zeros((p, p), dtype=z.dtype, device=z.device)
    means.index_add_(0, sums.reshape(-1), z.reshape(-1, p) / p)
    waves = torch.fft.rfft(means, dim=0)
    centred = z - z.mean(2, keepdim=True)
    total = (centred - centred.mean((0, 1))).square().sum()
    part = waves - waves.mean(1, keepdim=True)
    # A sum has p entries; a frequency other than the constant stands for itself and its mirror.
    powers = 2 * part.abs().square().sum(1) / total
    powers[0] = 0.0
    if p % 2 == 0:
        powers[-1] /= 2
    return Spectrum(scores, sums, means, waves, powers)


def key_frequencies(found: Spectrum, share: float = KEY) -> tuple[int, ...]:
    """The fewest frequencies that make out `share` of what all make out, in rising order."""
    powers, order = found.powers.sort(descending=True)
    enough = powers.cumsum(0) >= share * powers.sum()
    many = int(enough.double().argmax()) + 1
    return tuple(sorted(order[:many].tolist()))


def kept(found: Spectrum, frequencies: tuple[int, ...]) -> Tensor:
    """The part of the scores that the frequencies make out, shape (p, p) for sum and c."""
    only = torch.zeros_like(found.waves)
    at = list(frequencies)
    only[at] = found.waves[at]
    return torch.fft.irfft(only, n=len(found.means), dim=0)


def restricted_loss(found: Spectrum, right: Tensor, frequencies: tuple[int, ...]) -> float:
    """Loss over all entries of the scores with nothing left but the frequencies, in nats.

    What does not vary with the entry is kept, too.

    Args:
        found: Scores taken apart.
        right: Answers, shape (p, p).
        frequencies: Those that are kept.
    """
    only = kept(found, frequencies)
    rest = found.means.mean(0) - only.mean(0)
    scores = (only + rest)[found.sums]
    return float(log1p(scores.flatten(0, 1), right.reshape(-1))[0].mean())


def excluded_loss(
    found: Spectrum, right: Tensor, frequencies: tuple[int, ...], among: Tensor
) -> float:
    """Loss of the scores without the frequencies, in nats, over some entries (those trained on).

    Args:
        found: Scores taken apart.
        right: Answers, shape (p, p).
        frequencies: Those that are taken out.
        among: Entries to judge, as positions a p + b.
    """
    left = found.scores.double() - kept(found, frequencies)[found.sums]
    return float(log1p(left.flatten(0, 1)[among], right.reshape(-1)[among])[0].mean())


def gini(norms: Tensor) -> float:
    """Inequality of nonnegative numbers: 0 where all are the same, near 1 where one has all."""
    sizes = norms.double().sort().values
    n = len(sizes)
    rank = torch.arange(1, n + 1, dtype=sizes.dtype, device=sizes.device)
    return float(((2 * rank - n - 1) * sizes).sum() / (n * sizes.sum()))


def fourier_norms(table: Tensor) -> Tensor:
    """Length of each frequency's part of a table over the elements, the constant left out.

    Args:
        table: A row for each of p elements, shape (p, d).

    Returns:
        Shape (p // 2,).
    """
    return torch.fft.rfft(table.double(), dim=0)[1:].abs().square().sum(1).sqrt()


def measure(net: Fast, data: Split, frequencies: tuple[int, ...] = ()) -> dict[str, float]:
    """Every measure of progress of a network as it stands.

    Args:
        net: The network; its operation is addition or subtraction modulo p.
        data: The table.
        frequencies: Key frequencies, those of the trained network; none for its present ones.

    Returns:
        `restricted_loss` and `excluded_loss` in nats; `key_share` and `key_count`, the share of
        the scores' variance that the frequencies make out, and how many they are; `gini_embed`
        and `gini_neurons`, inequalities of the frequencies in the embedding and in what neurons
        write to the scores.

    Raises:
        BadOption: If the operation is another one.
    """
    check(net.setup)
    found, right = _taken_apart(net, data)
    keys = frequencies or key_frequencies(found)
    train = torch.from_numpy(data.train).to(right.device)
    p, w = data.elements, net.weights
    return {
        "restricted_loss": restricted_loss(found, right, keys),
        "excluded_loss": excluded_loss(found, right, keys, train[:, 0] * p + train[:, 1]),
        "key_share": float(found.powers[list(keys)].sum()),
        "key_count": float(len(keys)),
        "gini_embed": gini(fourier_norms(w["embed.weight"][:p])),
        "gini_neurons": gini(fourier_norms(w["head.weight"][:p] @ w["down.weight"])),
    }


def _taken_apart(net: Fast, data: Split) -> tuple[Spectrum, Tensor]:
    """The network's scores by frequencies, and the answers, shape (p, p)."""
    p, at = data.elements, net.entries(data.rows)
    scores = net.run(at).scores_nv[:, :p].reshape(p, p, p)
    return spectrum(scores, SIGNS[net.setup.operation]), at.right.view(p, p)


def attach(
    net: Fast, data: Split, weights: dict[int, Tensor], curve: list[dict[str, float]]
) -> tuple[int, ...]:
    """Add the measures to the rows of a curve whose weights were kept, and to the last row.

    Args:
        net: The network at the end of its run, left as it is.
        data: The table.
        weights: Flat weights by step; the last ones are added.
        curve: Rows with a "step"; rows without weights get NaN.

    Returns:
        The key frequencies of the last weights, by which all rows are measured.
    """
    last = net.flat.detach().clone()
    weights[net.taken] = last.cpu()
    keys = key_frequencies(_taken_apart(net, data)[0])
    none = dict.fromkeys(measure(net, data, keys), float("nan"))
    with torch.no_grad():
        for row in curve:
            found = weights.get(int(row["step"]))
            if found is None:
                row.update(none)
                continue
            net.flat.copy_(found)
            row.update(measure(net, data, keys))
        net.flat.copy_(last)
    return keys
