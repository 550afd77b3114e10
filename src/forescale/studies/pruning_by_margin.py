"""Keeping the hardest examples beats the power law in data; with few examples, keep the easiest.

Source: Sorscher et al. 2022, "Beyond neural scaling laws: beating power law scaling via data
pruning".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forescale.lab.worlds.pruning import error, examples, missed, widest
from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import number

Array = NDArray[np.float64]

WEIGHTS = 100
#: Kept examples per weight along the frontier, and the parts that may be kept.
KEPT = np.array([0.8, 1.2, 1.8, 2.7])
PARTS = np.array([1.0, 0.8, 0.6, 0.4, 0.25, 0.15, 0.08])
#: Kept examples per weight where data is scarce and where it abounds, and the part kept.
SCARCE, ABUNDANT = (0.4, 0.4), (4.0, 0.25)
OFF, RISE, STEEP = 0.05, 0.5, 1.5
RESAMPLES = 1000


def frontier(kept: float) -> tuple[float, float]:
    """The part to keep for the least error by theory, and that error."""
    errors = [error(kept, keep=float(part)) for part in PARTS]
    best = int(np.argmin(errors))
    return float(PARTS[best]), errors[best]


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Hold students against theory along the frontier, and hard against easy examples."""
    students = 200 if rerun else 20
    rng = np.random.default_rng([seed, 2206])
    best = [frontier(float(kept)) for kept in KEPT]
    cells = {
        **{f"kept_{k:g}": (k, part, 0.0) for k, (part, _) in zip(KEPT, best, strict=True)},
        **{
            f"{word}_{side}": (*cell, easy)
            for word, cell in (("scarce", SCARCE), ("abundant", ABUNDANT))
            for side, easy in (("hard", 0.0), ("easy", 1.0))
        },
        "abundant_all": (ABUNDANT[0], 1.0, 0.0),
    }
    theory = [error(k, keep=part, easy=bool(easy)) for k, part, easy in cells.values()]
    progress(f"{students} students in each of {len(cells)} cells of {WEIGHTS} weights")
    probe = 90.0 if falsified else 0.0
    found = np.array(
        [
            [
                missed(
                    widest(
                        *examples(
                            rng,
                            round(k * WEIGHTS),
                            keep=part,
                            easy=easy,
                            probe=probe,
                            weights=WEIGHTS,
                        )
                    )
                )
                for _ in range(students)
            ]
            for k, part, easy in cells.values()
        ]
    )
    # Students are independent, in each cell and between cells.
    pick = rng.integers(0, students, (RESAMPLES, *found.shape))
    drawn = np.take_along_axis(found[None], pick, axis=2).mean(2)
    centre = found.mean(1)[None]
    at = {name: i for i, name in enumerate(cells)}

    def slopes(means: Array) -> Array:
        front = np.log(means[:, : len(KEPT)])
        return np.asarray(-np.diff(front, axis=1) / np.diff(np.log(KEPT)))

    def off(means: Array) -> Array:
        return np.asarray(np.median(np.abs(means / theory - 1), axis=1))

    def ratio(one: str, other: str) -> tuple[float, Array]:
        return float(centre[0, at[one]] / centre[0, at[other]]), drawn[:, at[one]] / drawn[
            :, at[other]
        ]

    return judge(
        {
            "off_theory": number(
                float(off(centre)[0]),
                off(drawn),
                most=OFF,
                what=f"median over {len(cells)} cells of the mean error against theory",
            ),
            "steepening": number(
                float(slopes(centre)[0, -1] - slopes(centre)[0, 0]),
                slopes(drawn)[:, -1] - slopes(drawn)[:, 0],
                least=RISE,
                what="local exponent at the frontier's end less that at its start",
            ),
            "steepest": number(
                float(slopes(centre)[0, -1]),
                slopes(drawn)[:, -1],
                least=STEEP,
                what="local exponent of kept examples at the frontier's end; unpruned it is one",
            ),
            "hard_when_abundant": number(
                *ratio("abundant_hard", "abundant_easy"),
                most=1.0,
                what=f"error of the hardest over the easiest, {ABUNDANT[0]:g} kept per weight",
            ),
            "pruned_when_abundant": number(
                *ratio("abundant_hard", "abundant_all"),
                most=1.0,
                what="error of the hardest over as many unpruned",
            ),
            "hard_when_scarce": number(
                *ratio("scarce_hard", "scarce_easy"),
                least=1.0,
                what=f"error of the hardest over the easiest, {SCARCE[0]:g} kept per weight",
            ),
        },
        f"simulation: {found.size} perceptrons of {WEIGHTS} weights",
    )


STUDY = Study(
    name="pruning_by_margin",
    papers=("Beyond neural scaling laws: beating power law scaling via data pruning",),
    claim="Pruning by margin beats the power law in kept examples: along the frontier the local "
    "exponent grows; with many examples the hardest are best, with few the easiest, as theory "
    "says.",
    criteria=f"Mean errors are within {OFF:.0%} of theory (median over cells), the frontier's "
    f"local exponent grows by {RISE} and ends at {STEEP} or more, and the hardest examples err "
    "less than 1 times the easiest where data abounds, more where it is scarce.",
    check=check,
    full="200 students a cell instead of 20",
    falsified="pruning by margins to a random plane instead of the teacher's",
    note="The frontier is in kept examples: at a fixed number of drawn ones, the plane of largest "
    "margin rests on the hardest anyway, and pruning loses nothing but gains nothing. The theory "
    "is ours to the paper's end: a Gordon bound with the same saddle point. The range of kept "
    f"examples along the frontier, {KEPT[0]:g} to {KEPT[-1]:g} per weight, was set after looking "
    "at trial runs.",
)
