"""Repeating a part of the data harms most in a band of repeats, and costs model size.

Source: Hernandez et al. 2022, "Scaling Laws and Interpretability of Learning from Repeated
Data".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Outcome, Progress, Study, judge
from forescale.studies._interval import mean, over_worlds
from forescale.studies._swept import Columns, runs

if TYPE_CHECKING:
    from forescale.lab.config import Config

Array = NDArray[np.float64]

CONTEXT, STEPS, BATCH, SHARE, SEEDS = 32, 1000, 16, 0.5, 3
#: Windows that fill the repeated half of all batches.
POOLS = np.array([2, 8, 32, 128, 512, 2048])
#: Widths of the models that see no window so often, to read sizes from losses.
WIDTHS = (16, 24, 32)
RISE, MOST_SIZE = 0.02, 0.5
COLUMNS = (
    "task.repeated",
    "model.width",
    "steps",
    "batch",
    "seed",
    "params_nonembed",
    "loss",
    "train_loss",
    "seconds",
)


def configs(seed: int) -> list[Config]:
    """The runs: pools of repeated windows, smaller models without any, and half the data."""
    from forescale.lab.config import Config

    cells = [(int(pool), WIDTHS[-1], STEPS, BATCH) for pool in POOLS]
    cells += [(0, width, STEPS, BATCH) for width in WIDTHS]
    # The unrepeated half alone: in as many steps, and in as large ones.
    cells += [(0, WIDTHS[-1], STEPS, BATCH // 2), (0, WIDTHS[-1], STEPS // 2, BATCH)]
    return [
        Config(
            task="stdlib_bytes",
            size=2,
            steps=steps,
            batch=batch,
            lr=0.008,
            marks=1,
            seed=seed + s,
            task_settings={
                "context": CONTEXT,
                "repeated": CONTEXT * pool,
                "share": SHARE if pool else 0.0,
            },
            model_settings={"width": width, "heads": 1 if width == 24 else width // 16},
        )
        for s in range(SEEDS)
        for pool, width, steps, batch in cells
    ]


def losses(table: Columns, pool: int, width: int, steps: int = STEPS, batch: int = BATCH) -> Array:
    """Test losses of one kind of run in the order of seeds, shape (seeds,)."""
    rows = (
        (table["task.repeated"] == CONTEXT * pool)
        & (table["model.width"] == width)
        & (table["steps"] == steps)
        & (table["batch"] == batch)
    )
    return np.asarray(table["loss"][rows][table["seed"][rows].argsort()])


def size_share(table: Columns, loss: Array) -> Array:
    """Size that reaches these losses without repeats, over the size there is; one per seed."""
    wide = WIDTHS[-1]
    clean = np.array([losses(table, 0, w) for w in WIDTHS])
    sizes = [table["params_nonembed"][table["model.width"] == w][0] for w in WIDTHS]
    logs = np.log(np.array(sizes) / table["params_nonembed"][table["model.width"] == wide][0])
    tilt, level = np.polyfit(logs, clean, 1)
    return np.asarray(np.exp((loss - level) / tilt))


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Find the worst number of repeats, and hold its loss against all others."""
    made = configs(1000 + seed) if rerun else []
    table, data = runs("repeated_data", made, rerun=rerun, progress=progress)
    wide = WIDTHS[-1]
    clean = losses(table, 0, wide)
    # In the false world no pool is repeated.
    by_pool = np.array([clean if falsified else losses(table, int(p), wide) for p in POOLS])
    seeds = by_pool.shape[1]
    # Each seed's worst pool is chosen by the others: a maximum would be too high by chance.
    worst = np.array([np.delete(by_pool, s, 1).mean(1).argmax() for s in range(seeds)])
    at_worst = by_pool[worst, np.arange(seeds)]
    repeats = STEPS * BATCH * SHARE / POOLS
    half = losses(table, 0, wide, batch=BATCH // 2)
    short = losses(table, 0, wide, steps=STEPS // 2)
    numbers = {
        "over_most_repeats": over_worlds(
            at_worst - by_pool[0],
            mean,
            seed=seed,
            unit="nats/token",
            what=f"test loss at the worst repeats less that at {repeats[0]:.0f} repeats",
            least=RISE,
        ),
        "over_fewest_repeats": over_worlds(
            at_worst - by_pool[-1],
            mean,
            seed=seed,
            unit="nats/token",
            what=f"the same, less that at {repeats[-1]:.0f} repeats",
            least=RISE,
        ),
        "over_less_data": over_worlds(
            at_worst - half,
            mean,
            seed=seed,
            unit="nats/token",
            what="the same, less that of a run on the unrepeated half alone, in as many steps",
            least=RISE,
        ),
        "over_fewer_steps": over_worlds(
            at_worst - short,
            mean,
            seed=seed,
            unit="nats/token",
            what="the same, less that of a run on the unrepeated half alone, in half the steps",
        ),
        "size_share": over_worlds(
            size_share(table, at_worst),
            mean,
            seed=seed,
            what="size that would do as well without repeats, of the size there is",
            most=MOST_SIZE,
        ),
        "worst_repeats": over_worlds(
            repeats[worst], mean, seed=seed, what="repeats at which the test loss is worst"
        ),
    }
    for pool, times, loss in zip(POOLS, repeats, by_pool, strict=True):
        numbers[f"loss_{pool}"] = over_worlds(
            loss,
            mean,
            seed=seed,
            unit="nats/token",
            what=f"test loss with {pool} windows seen {times:.0f} times each",
        )
    numbers["loss_unrepeated"] = over_worlds(
        clean, mean, seed=seed, unit="nats/token", what="test loss without repeats"
    )
    return judge(numbers, data)


STUDY = Study(
    name="repeated_data",
    papers=("Scaling Laws and Interpretability of Learning from Repeated Data",),
    claim="Where a part of the data is repeated, the test loss is worst in a band of repeats, "
    "better with fewer and with more; there the model does no better than one of half its size.",
    criteria=f"The test loss at the worst repeats is {RISE} nats or more above that at the most "
    "and at the fewest repeats, and above that of a run on the same unrepeated data alone; a model "
    f"of {MOST_SIZE:.0%} of the size or less would do as well without repeats.",
    check=check,
    full="the runs trained anew, with other weights and orders (minutes)",
    falsified="no pool is repeated: the runs without repeats stand for all",
    note="A GPT of 25 thousand parameters outside its embeddings, on half a million bytes of "
    f"which {SHARE:.0%} are repeated; the paper's largest has 800 million, and as little as a "
    "tenth is repeated. The size is read from three widths by a straight line in the log of "
    "size, and lies beyond the smallest where the harm is large: a bound, not an estimate. The "
    "limits were set after a trial with one seed. The run on the unrepeated half was first one "
    "of half the steps, which the worst repeats exceed by little (over_fewer_steps); it lacks "
    "half the updates too, so a run with half the batch took its place. The law of constrained "
    "data is not fitted, and copying inside the model not looked at.",
)
