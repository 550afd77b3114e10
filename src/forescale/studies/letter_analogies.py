"""An ability claimed from letter analogies must stand on alphabets that were never trained on.

Source: Hodel & West 2023, "Response: Emergent analogical reasoning in large language models".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from forescale.emergence.trends.counterexample import Counterexample, counterexample
from forescale.errors import MissingExtra
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._live import need_torch
from forescale.studies._recorded import simulated

Array = NDArray[np.float64]

ALPHABETS, SEEDS = (1, 10, 100, 1000), 2
LETTERS, ITEMS = 8, 2048
STEPS, BATCH, LR, SIZE = 4000, 64, 0.01, 2
#: Steps after which both scores are measured.
LOOKS = (125, 500, 2000, STEPS)
SPLITS = ("trained", "permuted")
COLUMNS = ("alphabets", "seed", "step", *SPLITS)
INSIDE, LOST, LESS = 0.9, 40.0, 10.0


def measured(
    seed: int, alphabets: Sequence[int] = ALPHABETS, looks: Sequence[int] = LOOKS
) -> Iterator[tuple[float, ...]]:
    """Rows of `COLUMNS`: accuracy over the alphabets trained on, and over new ones.

    Raises:
        MissingExtra: If torch is not installed.
    """
    need_torch(MissingExtra)
    import torch

    from forescale.lab import inits, optimizers, tasks
    from forescale.lab._run import begun, criterion, evaluate, rates
    from forescale.lab.config import Config

    for count in alphabets:
        about = {"alphabets": count, "letters": LETTERS, "validation": ITEMS}
        data = [tasks.get("letter_analogies").data(**about, judged=s) for s in SPLITS]
        loss = criterion(data[0].loss)
        for s in range(SEEDS):
            config = Config(
                task="letter_analogies", size=SIZE, steps=looks[-1], lr=LR, seed=SEEDS * seed + s
            )
            module, roles = begun(config, data[0].io)
            stepper = optimizers.get(config.optimizer).over(module, roles, inits.get(config.init))
            peak, factors = rates(config)
            for step in range(config.steps):
                x, y = data[0].batch(step, BATCH, config.seed)
                stepper.set_lr(peak * float(factors[step]))
                stepper.zero_grad()
                loss(module(x), y).backward()
                torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                stepper.step()
                if step + 1 in looks:
                    right = [
                        evaluate(module, d.validation, d.loss, loss, [], "cpu")[1] for d in data
                    ]
                    yield count, config.seed, step + 1, *(float(r or 0.0) for r in right)


def guarded(table: dict[str, Array], count: float, seed: float) -> Counterexample:
    """The guard on the claim that a run, at its end, has learnt to reason by analogy."""
    at = (table["alphabets"] == count) & (table["seed"] == seed)
    at &= table["step"] == table["step"].max()
    inside, outside = (table[c][at] for c in SPLITS)
    return counterexample(inside, ITEMS, outside, ITEMS, chance=1 / LETTERS)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Scores and losses of points at the end of training, and the guard's verdicts."""
    found, data = simulated(
        "letter_analogies",
        COLUMNS,
        measured,
        what="looks at networks",
        rerun=rerun,
        seed=seed,
        progress=progress,
    )
    table = dict(found)
    if falsified:
        # In the false world an alphabet is as good as another: other items of the same score.
        rng = np.random.default_rng([seed, 7])
        table["permuted"] = rng.binomial(ITEMS, table["trained"]) / ITEMS
    last = table["step"] == table["step"].max()
    lost = 100 * (table["trained"] - table["permuted"])

    def at(column: Array, count: float) -> Array:
        return np.asarray(column[last & (table["alphabets"] == count)])

    # One row a seed: loss of points against decades of alphabets.
    rows = np.stack([at(lost, c) for c in ALPHABETS], 1)
    decades = np.log10(ALPHABETS)
    slopes = np.polyfit(decades, rows.T, 1)[0]
    fewest, most = ALPHABETS[0], ALPHABETS[-1]
    numbers: dict[str, Number] = {}
    for count in ALPHABETS:
        numbers[f"inside_{count}"] = over_worlds(
            at(table["trained"], count),
            mean,
            seed=seed,
            least=INSIDE if count == fewest else None,
            what=f"accuracy in distribution, alphabets trained on: {count}",
        )
        numbers[f"outside_{count}"] = over_worlds(
            at(table["permuted"], count),
            mean,
            seed=seed,
            what=f"accuracy on alphabets not trained on, after {count}",
        )
        numbers[f"lost_{count}"] = over_worlds(
            at(lost, count),
            mean,
            seed=seed,
            unit="points",
            least=LOST if count == fewest else None,
            what=f"accuracy lost on new alphabets after training on {count}",
        )
    numbers["lost_per_decade"] = over_worlds(
        slopes,
        mean,
        seed=seed,
        unit="points/decade",
        most=-LESS,
        what="change of that loss per decade of training alphabets",
    )
    for count, word in ((fewest, "refused"), (most, "stands")):
        seeds = np.unique(table["seed"][table["alphabets"] == count])
        hits = sum(guarded(table, count, s).verdict == word for s in seeds)
        numbers[f"{word}_{count}"] = Number(
            hits,
            hits,
            hits,
            least=len(seeds),
            what=f"of {len(seeds)} claims after training on {count} alphabets, those so judged",
        )
    return judge(numbers, data)


STUDY = Study(
    name="letter_analogies",
    papers=("Response: Emergent analogical reasoning in large language models",),
    claim="A transformer trained on letter analogies over the usual alphabet solves them and fails "
    "over permuted ones although these stand in the prompt; it loses less the more alphabets it "
    "was trained on; a guard that asks the counterexamples to rise refuses the first claim.",
    criteria=f"At least {INSIDE:.0%} in distribution after {ALPHABETS[0]} alphabet, at least "
    f"{LOST:g} points of it lost on new ones, and {LESS:g} fewer per decade of alphabets; the "
    f"guard refuses every claim after {ALPHABETS[0]} and lets every claim after {ALPHABETS[-1]} "
    "stand.",
    check=check,
    full=f"{len(ALPHABETS) * SEEDS} transformers trained anew (minutes, needs torch)",
    falsified="the score on new alphabets is drawn anew from that on the alphabets trained on",
    note=f"Alphabets of {LETTERS} letters in the prompt, one letter to answer, {STEPS} steps. "
    "Problems in distribution are drawn as in training, so that over one alphabet heart is "
    "enough, which is the point. The guard holds the rise from chance to the end of a run on new "
    f"alphabets against that in distribution, by {ITEMS} items each; it was first given the rise "
    "over the steps, but by the first look one alphabet is learnt, and there is none. "
    f"There are {SEEDS} runs to a number of alphabets, and an interval is from the worse "
    "to the better. After middling numbers part of what is lost less is that less is learnt in "
    "distribution. Set after trial runs: letters, steps and rate; alphabets to 1000, since models "
    "of this size learn 100 by heart; and that the limit in distribution is held to one alphabet "
    "only, since after 1000 not every run gets there in so many steps.",
)
