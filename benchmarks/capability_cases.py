"""Downstream scores of published models against size and data, each a table to cut by scale.

A score is forecast as what is missing to a perfect one: the error, or the loss of the right answer
in bits per byte. The tables are not ours and are not shipped: give the folder that holds them.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from accuracy_cases import Case

from forescale.runs import RunTable

#: Tasks of the OLMo ladder, on the split with most questions.
OLMO = {
    "arc_challenge": "test",
    "arc_easy": "test",
    "boolq": "val",
    "csqa": "val",
    "hellaswag": "val",
    "mmlu": "test",
    "openbookqa": "test",
    "piqa": "val",
    "socialiqa": "val",
    "winogrande": "val",
}
#: Tasks on which the Pythia models leave chance.
PYTHIA = ("arc_easy", "lambada_openai", "piqa", "sciq")
#: Warm-up of the rate is over, and checkpoints are no longer spaced by logs.
SETTLED = 2e9

#: Benchmarks of base models of many families.
OBSERVED = ("MMLU", "ARC_C", "HellaSwag", "Winograd", "GSM8K", "XWinograd", "HumanEval")


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _case(table: str, group: str, n: list[float], d: list[float], loss: list[float]) -> Case:
    """Runs by size and tokens; nothing is held out but by the cuts."""
    columns = {"N": np.array(n), "D": np.array(d), "L": np.array(loss)}
    columns["C"] = 6 * columns["N"] * columns["D"]
    runs = RunTable(columns, source=f"{table} {group}")
    return Case(table, group, runs, np.zeros(len(n), bool), "chinchilla")


def olmo_tasks(folder: Path) -> Iterator[Case]:
    rows = _rows(folder / "olmo_ladder_final.csv.gz")
    for task, split in OLMO.items():
        for metric in ("bpb", "acc"):
            part = [
                r for r in rows
                if (r["task"], r["split"], r["format"], r["metric"]) == (task, split, "rc", metric)
            ]  # fmt: skip
            score = [float(r["value_final"]) for r in part]
            loss = score if metric == "bpb" else [1 - s for s in score]
            n, d = ([float(r[k]) for r in part] for k in ("params", "tokens"))
            name = f"{task} {'bits per byte' if metric == 'bpb' else 'error'}"
            yield _case("olmo_ladder_final", name, n, d, loss)


def openlm(folder: Path) -> Iterator[Case]:
    rows = _rows(folder / "openlm_overtraining.csv")
    for data in sorted({r["train_set"] for r in rows}):
        for error in ("err_avg17", "err_avg46"):
            part = [r for r in rows if r["train_set"] == data and r[error]]
            n, d, y = ([float(r[k]) for r in part] for k in ("params", "tokens", error))
            yield _case("openlm_overtraining", f"{data} {error}", n, d, y)


def pythia(folder: Path) -> Iterator[Case]:
    rows = _rows(folder / "pythia_evals.csv")
    for task in PYTHIA:
        part = [
            r for r in rows
            if (r["task"], r["metric"], r["num_fewshot"], r["deduped"]) == (task, "acc", "0", "0")
            and float(r["tokens"]) > SETTLED and float(r["batch_tokens"]) > 2e6
        ]  # fmt: skip
        n, d, y = ([float(r[k]) for r in part] for k in ("params", "tokens", "value"))
        yield _case("pythia_evals", f"{task} error", n, d, [1 - s for s in y])


def observed(folder: Path) -> Iterator[Case]:
    """Models of many families, which differ in more than scale."""
    models = [r for r in _rows(folder / "obs_scaling_models.csv") if r["params"] and r["tokens"]]
    for task in OBSERVED:
        part = [r for r in models if r[task]]
        n, d, y = ([float(r[k]) for r in part] for k in ("params", "tokens", task))
        yield _case("obs_scaling_models", f"{task} error", n, d, [1 - s for s in y])
    yield from _by_task(folder / "obs_emergent.csv", "obs_emergent", "score")


def difficulty(folder: Path) -> Iterator[Case]:
    """The same for tasks whose questions were later parted by difficulty, here all together."""
    yield from _by_task(folder / "difficulty_groups.csv", "difficulty_groups", "acc", group="0")


def _by_task(path: Path, table: str, score: str, **only: str) -> Iterator[Case]:
    rows = [r for r in _rows(path) if all(r[k] == v for k, v in only.items())]
    for task in sorted({r["task"] for r in rows}):
        part = [r for r in rows if r["task"] == task and r["tokens"] and r["params"] and r[score]]
        n, d, y = ([float(r[k]) for r in part] for k in ("params", "tokens", score))
        yield _case(table, f"{task} error", n, d, [1 - s for s in y])


CASES: tuple[Callable[[Path], Iterator[Case]], ...] = (
    olmo_tasks,
    openlm,
    pythia,
    observed,
    difficulty,
)
