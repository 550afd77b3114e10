"""Does the number of pretraining tasks stand in for model size in answering new ones?

Source: Xu et al. 2022, "ZeroPrompt: Scaling Prompt-Based Pretraining to 1,000 Tasks Improves
Zero-Shot Generalization".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import NDArray

from forescale.fit import fit
from forescale.runs import RunTable
from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._exponent import slope
from forescale.studies._interval import LEVEL, RESAMPLES, About, number
from forescale.studies._swept import Columns, runs
from forescale.uncertainty import assess

if TYPE_CHECKING:
    from forescale.lab.config import Config

Array = NDArray[np.float64]

#: Share of the exponent of size that many tasks may leave.
MOST_LEFT = 0.5
TASKS, WIDTHS = (4, 8, 16, 32, 64, 128, 256), (8, 16, 32)
STEPS, BATCH, LR, SEEDS = 1000, 64, 0.01, 3
COLUMNS = (
    "task.tasks",
    "model.width",
    "seed",
    "params_nonembed",
    "flops",
    "loss",
    "train_loss",
    "accuracy",
    "seconds",
)


def configs(seed: int) -> list[Config]:
    """The runs: every width on every number of tasks, with tasks of each seed's own."""
    from forescale.lab.config import Config

    return [
        Config(
            task="prompted",
            size=2,
            steps=STEPS,
            batch=BATCH,
            lr=LR,
            marks=1,
            seed=seed + s,
            task_settings={"tasks": tasks, "draw": seed + s},
            model_settings={"width": width, "heads": max(1, width // 16)},
        )
        for s in range(SEEDS)
        for tasks in TASKS
        for width in WIDTHS
    ]


def errors(table: Columns, rng: np.random.Generator | None) -> tuple[Array, Array]:
    """Parameters by width, shape (widths,), and errors on new tasks, (tasks, widths, seeds).

    Args:
        table: The runs.
        rng: Where given, each width's runs have each other's errors, of any number of tasks.
    """
    order = np.lexsort((table["seed"], table["model.width"], table["task.tasks"]))
    shape = len(TASKS), len(WIDTHS), SEEDS
    error = (1 - table["accuracy"][order]).reshape(shape)
    if rng is not None:
        error = rng.permuted(error, axis=0)
    return table["params_nonembed"][order].reshape(shape)[0, :, 0], error


def falls(error: Array, *, seed: int, **about: Unpack[About]) -> Number:
    """The exponent b of error = c + a T^-b, with its interval, from an error for each of TASKS."""
    table = RunTable({"T": np.array(TASKS, float), "error": error})
    found = fit(table, "error = c + a*T^-b", objective="lsq-log", starts=16, seed=seed)
    low, high = assess(found, "residual", resamples=400, level=LEVEL, seed=seed).intervals["b"]
    return Number(found.params["b"], float(low), float(high), **about)


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """The exponents of tasks at each size, and those of size with few tasks and with many."""
    made = configs(1000 + seed) if rerun else []
    table, data = runs("task_scaling", made, rerun=rerun, progress=progress)
    rng = np.random.default_rng([seed, 2201])
    sizes, error = errors(table, rng if falsified else None)
    # All runs of a seed share their held-out tasks, so seeds are drawn, not runs.
    chosen = rng.integers(0, SEEDS, (RESAMPLES, SEEDS))
    mean, drawn = error.mean(2), np.moveaxis(error[:, :, chosen].mean(3), 2, 0)
    numbers = {
        f"task_exponent_{width}": falls(
            mean[:, w],
            seed=seed,
            what=f"exponent b of the tasks in the error on new ones, width {width}",
            least=0.0,
        )
        for w, width in enumerate(WIDTHS)
    }
    exponents = [(-slope(sizes, mean[t]), -slope(sizes, drawn[:, t])) for t in range(len(TASKS))]
    (few, fews), (many, manys) = exponents[0], exponents[-1]
    numbers["size_left"] = number(
        float(many - few * MOST_LEFT),
        manys - fews * MOST_LEFT,
        what=f"exponent of size with {TASKS[-1]} tasks less {MOST_LEFT:g} of that with {TASKS[0]}",
        most=0.0,
    )
    for tasks, (value, draws) in zip(TASKS, exponents, strict=True):
        numbers[f"size_exponent_{tasks}"] = number(
            float(value), draws, what=f"exponent of size in the error, {tasks} tasks"
        )
    numbers["small_over_large"] = number(
        float(mean[-1, 0] / mean[0, -1]),
        drawn[:, -1, 0] / drawn[:, 0, -1],
        what=f"error of the smallest model with {TASKS[-1]} tasks over that of the largest, "
        f"{sizes[-1] / sizes[0]:.0f} times its size, with {TASKS[0]}",
    )
    for w, width in enumerate(WIDTHS):
        for t in (0, -1):
            numbers[f"error_{width}_{TASKS[t]}"] = number(
                float(mean[t, w]),
                drawn[:, t, w],
                what=f"error on new tasks, width {width}, {TASKS[t]} tasks",
            )
    return judge(numbers, data)


STUDY = Study(
    name="task_scaling",
    papers=(
        "ZeroPrompt: Scaling Prompt-Based Pretraining to 1,000 Tasks Improves Zero-Shot "
        "Generalization",
    ),
    claim="The error on tasks never trained on falls as a power of the number of pretraining "
    "tasks, and with many tasks the size of the model matters little: tasks stand in for "
    "parameters.",
    criteria=f"At every width the exponent b of error = c + a T^-b is above 0, and the exponent of "
    f"size with {TASKS[-1]} tasks is {MOST_LEFT:g} of that with {TASKS[0]} or less.",
    check=check,
    full="the runs trained anew, with other weights, data and tasks (minutes)",
    falsified="runs of a width have each other's errors, of any number of tasks",
    note=f"GPTs of width {WIDTHS[0]} to {WIDTHS[-1]} from scratch, {STEPS} steps each, so that "
    "more tasks mean no more data; a task is a yes or no that two words ask of four symbols, and "
    "half the answers are right by chance. The paper's models were pretrained on text and answer "
    "new tasks somewhat before any prompted training: there size can matter with few tasks. Ours "
    "know no word that is not in their tasks: with few, all sizes err nearly as much as guessing "
    "does, and size begins to matter where there are tasks to learn from, which is why the second "
    "limit is broken. Many tasks do make up for size in one sense: small_over_large. The intervals "
    f"of size's exponents resample {SEEDS} seeds, and are too narrow. The limits are older than "
    "the runs; the tasks were chosen after trials of one seed. Two earlier designs, prompts that "
    "choose a symbol and translate it by a table, with and without examples of single words, were "
    "dropped: no model learnt them in 600 steps.",
)
