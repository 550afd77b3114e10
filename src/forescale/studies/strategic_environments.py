"""Where people answer the model, a larger one can be worse, and a monotone law must be refused.

Source: Handina & Mazumdar 2024, "Rethinking Scaling Laws for Learning in Strategic Environments".
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import NDArray

from forescale.compare.rising import rise
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._interval import share

Array = NDArray[np.float64]

DEGREES = np.arange(1, 13)
PEOPLE, POPULATIONS, ROUNDS, RIDGE, COST = 100, 6, 12, 1e-3, 3.0
TOLD = 0.7
#: Payoffs (row player, column player) of the rows D and U, each against two columns.
GAME = {"D": ((3, 0), (1, 1)), "U": ((2, 2), (0, 1))}


def equilibrium(rows: tuple[str, ...]) -> int:
    """Payoff of the row player where each answers the other best, in pure strategies."""
    best = [
        GAME[r][c][0]
        for r in rows
        for c in (0, 1)
        if GAME[r][c][0] == max(GAME[q][c][0] for q in rows)
        and GAME[r][c][1] == max(p[1] for p in GAME[r])
    ]
    (only,) = best
    return only


def losses(rng: np.random.Generator, *, cost: float) -> tuple[Array, Array]:
    """Squared errors of polynomials by degree, each of shape (degrees,): plain and answered.

    People at x show the x' that earns them the highest prediction less cost (x' - x)^2. The
    learner fits what it is shown, over and over, each fit moving by less than the one before:
    where it stays is an equilibrium. Losses are geometric means over populations.
    """
    x, shown = np.linspace(-1, 1, PEOPLE), np.linspace(-1, 1, 101)
    plain, answered = np.zeros((2, POPULATIONS, len(DEGREES)))
    for k in range(POPULATIONS):
        a = rng.normal(size=8) / (1.0 + np.arange(8)) ** 1.5
        y = x + 0.5 * chebvander(x, 8)[:, 1:] @ a
        for j, d in enumerate(DEGREES):
            w = np.linalg.lstsq(chebvander(x, d), y, rcond=None)[0]
            plain[k, j] = np.mean((chebvander(x, d) @ w - y) ** 2)
            late = []
            for r in range(ROUNDS):
                gain = chebvander(shown, d) @ w - cost * (shown - x[:, None]) ** 2
                seen = chebvander(shown[np.argmax(gain, axis=1)], d)
                late.append(np.mean((seen @ w - y) ** 2))
                again = np.linalg.solve(
                    seen.T @ seen + RIDGE * PEOPLE * np.eye(int(d) + 1), seen.T @ y
                )
                w = w + (again - w) / (r + 2)
            answered[k, j] = np.mean(late[-6:])
    floor = 1e-12
    return np.exp(np.log(plain + floor).mean(0)), np.exp(np.log(answered + floor).mean(0))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """The game, and polynomials whose people answer: is the rise there, and is it told?"""
    count = 100 if rerun else 18
    progress(f"{count} worlds of {POPULATIONS} populations, {len(DEGREES)} degrees")
    rng = np.random.default_rng([seed, 2402])
    # At a cost this high nobody moves.
    made = [losses(rng, cost=1e6 if falsified else COST) for _ in range(count)]
    gain = float(equilibrium(("U",)) - equilibrium(("D", "U")))
    plain, answered = (np.array([m[i] for m in made]) for i in (0, 1))
    told = [rise(DEGREES.astype(float), np.log(v)) is not None for v in answered]
    false = [rise(DEGREES.astype(float), np.log(v)) is not None for v in plain]
    numbers = {
        "game": Number(
            gain,
            gain,
            gain,
            least=1.0,
            most=1.0,
            what="what the row player gains by losing its dominant action",
        ),
        "turns": share(
            answered[:, -1] > 1.25 * answered.min(axis=1),
            least=TOLD,
            what="share of worlds whose equilibrium loss at the highest degree is a quarter "
            "above the least",
        ),
        "monotone": share(
            (np.diff(plain, axis=1) <= 1e-9).all(axis=1),
            least=TOLD,
            what="share of worlds whose loss without answers only falls with the degree",
        ),
        "told": share(
            told,
            least=0.5,
            what="share of worlds in which the rising end is told and no law is believed beyond",
        ),
        "false_alarms": share(
            false, most=0.2, what="share of the worlds without answers in which a rise is told"
        ),
    }
    return judge(numbers, f"simulation: {count} worlds, polynomials of degree 1 to {DEGREES[-1]}")


STUDY = Study(
    name="strategic_environments",
    papers=("Rethinking Scaling Laws for Learning in Strategic Environments",),
    claim="Where people answer a model, more expressive models can be worse at equilibrium, and "
    "fewer actions better; a comparison must tell a rising law and refuse to go on monotonely.",
    criteria="Losing the dominant action gains exactly 1; equilibrium loss turns up again in "
    f"{TOLD:.0%} of the worlds or more while plain loss only falls; the rise is told in at least "
    "50% of the worlds that answer and in at most 20% of those that do not.",
    check=check,
    full="100 worlds instead of 18",
    falsified="moving costs too much for anybody to answer",
    note="Where the repeated fits have not settled, the mean of the last six stands for the "
    "equilibrium. The catalogue asks for a monotone and a non-monotone loss; how often a rise "
    "must be told, of twelve noisy degrees, is our own limit.",
)
