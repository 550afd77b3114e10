"""The last features of a language model collapse by next token as it grows and trains.

Source: Wu & Papyan 2024, "Linguistic Collapse: Neural Collapse in (Large) Language Models".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import Descent, need_torch, rank_correlation

if TYPE_CHECKING:
    from torch import Generator, Tensor

#: Tokens, and concentration of the Dirichlet that each pair's next token is drawn from: a pair
#: leaves about two open.
VOCAB, CONCENTRATION = 16, 0.03
SEQUENCES, CONTEXT, LR = 64, 18, 5e-3
#: Sign of each measure's correlation with the validation loss.
SIGNS = {"cdnv": 1, "gnc2_variance": 1, "unc3": 1, "nc3_cosine": -1, "nc4": -1}
WHAT = {
    "cdnv": "variability within a token",
    "gnc2_variance": "spread of the means' distances",
    "unc3": "spread of self-duality",
    "nc3_cosine": "mean self-duality",
    "nc4": "agreement of nearest mean and head",
}
#: Mean self-duality is the one that the source itself finds weak.
LIMITED = ("cdnv", "gnc2_variance", "unc3", "nc4")
TRACKS, SHRINKS = 0.6, 0.7


def language(generator: Generator, flat: bool = False) -> Tensor:
    """Probabilities of the next token given two, shape (V, V, V).

    Args:
        generator: Source of the language.
        flat: Whether no token depends on those before it.
    """
    import torch

    table = torch.full((VOCAB, VOCAB, VOCAB), CONCENTRATION)
    drawn = torch._sample_dirichlet(table, generator=generator)
    return drawn.mean((0, 1)).expand(VOCAB, VOCAB, VOCAB) if flat else drawn


def text(table: Tensor, generator: Generator) -> Tensor:
    """Sequences of the language, shape (SEQUENCES, CONTEXT).

    Args:
        table: Its probabilities.
        generator: Source of the draws.
    """
    import torch

    rows = torch.randint(VOCAB, (SEQUENCES, 2), generator=generator)
    for _ in range(CONTEXT - 2):
        chances = table[rows[:, -2], rows[:, -1]]
        rows = torch.cat([rows, torch.multinomial(chances, 1, generator=generator)], 1)
    return rows


def looks_at(
    seed: int, widths: Sequence[int], looks: Sequence[int], flat: bool
) -> Iterator[tuple[int, int, float, Mapping[str, float]]]:
    """Width, step, validation loss and collapse of models of one language.

    Args:
        seed: Seed of the language, its texts and the models.
        widths: Widths of the models.
        looks: Steps after which each is read.
        flat: Whether the language has no grammar.
    """
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    from forescale import probes

    class Pair(nn.Module):  # type: ignore[misc]
        """Scores of the next token from the last two, at every place that has two."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.now, self.before = nn.Embedding(VOCAB, width), nn.Embedding(VOCAB, width)
            self.mix = nn.Linear(width, width)
            self.head = nn.Linear(width, VOCAB, bias=False)
            for weight in (self.now.weight, self.before.weight):
                nn.init.normal_(weight, generator=generator)
            for weight in (self.mix.weight, self.head.weight):
                nn.init.normal_(weight, std=width**-0.5, generator=generator)
            nn.init.zeros_(self.mix.bias)

        def forward(self, tokens_bt: Tensor) -> Any:
            first = torch.relu(self.now(tokens_bt[:, 1:]) + self.before(tokens_bt[:, :-1]))
            return self.head(torch.relu(self.mix(first)))

    generator = torch.Generator().manual_seed(seed)
    table = language(generator, flat)
    train, held = text(table, generator), text(table, generator)
    inputs, targets, held_out = train[:, :-1], train[:, 2:], held[:, :-1]
    for width in widths:
        model = Pair(width)
        descent = Descent(model.parameters(), LR)
        for step in range(1, looks[-1] + 1):
            descent.step(cross_entropy(model(inputs).flatten(0, 1), targets.flatten()))
            if step in looks:
                with torch.no_grad():
                    loss = cross_entropy(model(held_out).flatten(0, 1), held[:, 2:].flatten())
                found = probes.read(
                    "linguistic_collapse", model, (inputs, targets), held_out=held_out
                )
                yield width, step, float(loss), found.values


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Read the probe on models of several widths after several steps, in several languages."""
    need_torch()
    worlds, looks = (8 if rerun else 3), (15, 30, 80)
    widths = (4, 8, 16, 32, 64) if rerun else (4, 8, 16, 32)
    seeds = np.random.default_rng([seed, 2405]).integers(2**31, size=worlds).tolist()
    follows: dict[str, list[float]] = {name: [] for name in SIGNS}
    shrunk: list[float] = []
    for i, world in enumerate(seeds):
        progress(f"language {i + 1} of {worlds}")
        rows = list(looks_at(world, widths, looks, falsified))
        losses = [loss for _, _, loss, _ in rows]
        for name in SIGNS:
            follows[name].append(rank_correlation([v[name] for *_, v in rows], losses))
        last = [v["cdnv"] for _, step, _, v in rows if step == looks[-1]]
        shrunk.append(last[-1] / last[0])
    numbers = {
        f"{name}_loss": over_worlds(
            follows[name],
            mean,
            seed=seed,
            least=TRACKS if name in LIMITED and sign > 0 else None,
            most=-TRACKS if name in LIMITED and sign < 0 else None,
            what=f"rank correlation with validation loss: {WHAT[name]}",
        )
        for name, sign in SIGNS.items()
    }
    numbers["cdnv_width"] = over_worlds(
        np.asarray(shrunk),
        mean,
        seed=seed,
        most=SHRINKS,
        what=f"{WHAT['cdnv']} at the end, width {widths[-1]} over width {widths[0]}",
    )
    return judge(
        numbers,
        f"simulation: {worlds} languages of {VOCAB} tokens in which two say the next, "
        f"{len(widths)} widths up to {widths[-1]}, read after {', '.join(map(str, looks))} steps",
    )


STUDY = Study(
    name="linguistic_collapse",
    papers=("Linguistic Collapse: Neural Collapse in (Large) Language Models",),
    claim="As a language model grows and trains, its last features collapse by next token (less "
    "variability, more uniform means and duality, nearest means that name the head's token), and "
    "all of it goes with the validation loss.",
    criteria=f"Over widths and steps variability, spread of the means' distances and spread of "
    f"self-duality correlate with the validation loss by ranks at {TRACKS} or more, agreement at "
    f"-{TRACKS} or less, and the widest model's variability is at most {SHRINKS} of the "
    "narrowest's.",
    check=check,
    full="8 languages instead of 3, widths up to 64 instead of 32",
    falsified="the next token does not depend on those before it: there is nothing to collapse by",
    note="Models are two embeddings and two layers that see the last two tokens, which is all "
    "there is to see in these languages; no transformer is trained. Set after looking: the "
    "learning rate, the steps, the concentration, the number of sequences, the control's "
    "language and the limits on correlations, which here are of a few runs each. Trained to "
    "the end on contexts that leave much open, variability turns and rises again while the "
    "loss still falls, since features must then tell contexts of one next token apart: the "
    "claim is one of the rise, not of the end. Mean self-duality turns first, and is told "
    "without a limit.",
)
