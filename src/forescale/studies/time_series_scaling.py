"""Forecasters scale inside and outside their training distribution; encoders better than decoders?

Source: Yao et al. 2024, "Towards Neural Scaling Laws for Time Series Foundation Models".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forescale.studies import Number, Outcome, Progress, Study, judge
from forescale.studies._exponent import slope
from forescale.studies._interval import RESAMPLES, number
from forescale.studies._swept import runs

if TYPE_CHECKING:
    from forescale.lab.config import Config

Array = NDArray[np.float64]

WIDTHS, STEPS, BATCH, LR, SEEDS = (8, 16, 32, 48), 400, 32, 0.01, 3
MODELS = {"encoder": "encoder", "decoder": "gpt"}
FAMILIES = {"id": "same", "ood": "other"}
COLUMNS = (
    "model",
    "model.width",
    "task.judged",
    "seed",
    "params_nonembed",
    "loss",
    "train_loss",
    "seconds",
)


def configs(seed: int) -> list[Config]:
    """The runs: both models at every width, judged on both families."""
    from forescale.lab.config import Config

    return [
        Config(
            task="series",
            model=model,
            size=2,
            steps=STEPS,
            batch=BATCH,
            lr=LR,
            marks=1,
            seed=seed + s,
            task_settings={"judged": judged, "every": model == "gpt"},
            model_settings={"width": width, "heads": max(1, width // 16)},
        )
        for s in range(SEEDS)
        for model in MODELS.values()
        for judged in FAMILIES.values()
        for width in WIDTHS
    ]


def check(*, rerun: bool, seed: int, progress: Progress, falsified: bool = False) -> Outcome:
    """Exponents of size, of both models on both families, and their differences."""
    made = configs(1000 + seed) if rerun else []
    table, data = runs("time_series_scaling", made, rerun=rerun, progress=progress)
    rng = np.random.default_rng([seed, 2410])
    found: dict[str, tuple[Array, Array]] = {}
    numbers: dict[str, Number] = {}
    for where, judged in FAMILIES.items():
        for kind, model in MODELS.items():
            of = (table["model"] == model) & (table["task.judged"] == judged)
            order = np.lexsort((table["seed"][of], table["model.width"][of]))
            loss = table["loss"][of][order].reshape(-1, SEEDS)
            sizes = table["params_nonembed"][of][order].reshape(-1, SEEDS)[:, 0]
            if falsified:
                # Runs have the losses of others, of any width.
                loss = rng.permutation(loss.ravel()).reshape(loss.shape)
            chosen = rng.integers(0, SEEDS, (RESAMPLES, *loss.shape))
            drawn = np.take_along_axis(loss[None], chosen, 2).mean(2)
            found[f"{kind}_{where}"] = -slope(sizes, loss.mean(1)), -slope(sizes, drawn)
    for name, (value, draws) in found.items():
        kind, where = name.split("_")
        numbers[f"exponent_{name}"] = number(
            float(value),
            draws,
            what=f"exponent of size in the {kind}'s loss, "
            + ("in distribution" if where == "id" else "outside the training distribution"),
            least=0.0,
        )
    for where in FAMILIES:
        (value, draws), (other, others) = found[f"encoder_{where}"], found[f"decoder_{where}"]
        numbers[f"encoder_gain_{where}"] = number(
            float(value - other),
            draws - others,
            what="exponent of the encoder less that of the decoder, "
            + ("in distribution" if where == "id" else "outside it"),
            least=0.0 if where == "id" else None,
        )
    return judge(numbers, data)


STUDY = Study(
    name="time_series_scaling",
    papers=("Towards Neural Scaling Laws for Time Series Foundation Models",),
    claim="The loss of time-series transformers is a power law in size inside and outside the "
    "training distribution, and encoders scale better than decoders.",
    criteria="The exponents of size of both models, on the training family and on another, are "
    "above 0, and in distribution the encoder's is above the decoder's.",
    check=check,
    full="the runs trained anew, with other weights and data (minutes)",
    falsified="runs have each other's losses",
    note=f"Generated series in 32 bins, forecast one step ahead by models of width {WIDTHS[0]} to "
    f"{WIDTHS[-1]} at one learning rate and {STEPS} steps; the paper has real series, patches and "
    "models up to a hundred million parameters. A decoder learns from the next value of every "
    "place, an encoder from the last alone, and both are judged on the last. The same training "
    "is judged once on each family. The exponents are of the loss itself, without a floor, and "
    "those in distribution are small. The paper's training data are of many kinds, ours of one, "
    "and larger models fit that one closer: that the loss on another kind rises with size may be "
    "due to this, not to size. The limits were set before the runs.",
)
