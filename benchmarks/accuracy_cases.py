"""The tables of published runs with a natural hold-out by scale, each split as its README says.

The tables are not ours and are not shipped: give the folder that holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.runs import RunTable, read


@dataclass(frozen=True)
class Case:
    """One law-sized question: fit these runs, predict those.

    Args:
        table: Name of the table.
        group: Part of the table.
        runs: All its runs.
        held: Which of them are held out, the larger ones, shape (n,).
        published: Law of the table's paper: a name or a formula.
        among: Candidates of the automatic choice, where the inputs are unusual.
    """

    table: str
    group: str
    runs: RunTable
    held: NDArray[np.bool_]
    published: str
    among: tuple[str, ...] = ()

    @property
    def train(self) -> RunTable:
        """Runs to fit."""
        return self.runs.take(~self.held)

    @property
    def test(self) -> RunTable:
        """Larger runs to predict."""
        return self.runs.take(self.held)


def _split(
    table: str,
    group: str,
    runs: RunTable,
    test: Any,
    published: str,
    among: tuple[str, ...] = (),
) -> Case:
    return Case(table, group, runs, np.asarray(test, bool), published, among)


def _top(values: Any, count: int) -> Any:
    """Rows whose value is among the `count` largest distinct ones."""
    v = np.asarray(values, float)
    return v >= np.unique(v)[-count]


def _best_of(runs: RunTable, *keys: str) -> RunTable:
    """The lowest loss for each combination of keys: what tuning would have kept."""
    labels = np.array(["|".join(f"{runs[k][i]}" for k in keys) for i in range(len(runs))])
    keep = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        keep.append(rows[int(np.argmin(runs["L"][rows]))])
    return runs.take(np.sort(np.array(keep)))


def chinchilla(folder: Path) -> Iterator[Case]:
    runs = read(folder / "chinchilla_epoch.csv", where="in_epoch_240==1")
    yield _split("chinchilla_epoch", "", runs, runs["C"] >= 1e21, "chinchilla")


def isoflops(folder: Path) -> Iterator[Case]:
    runs = read(folder / "isoflops.csv", where="outlier==0")
    for g in np.unique(runs["group"].astype(str)):
        part = runs.take(runs["group"].astype(str) == g)
        yield _split("isoflops", g, part, _top(part["C"], 2), "chinchilla")


def overtraining(folder: Path) -> Iterator[Case]:
    runs = read(folder / "overtraining_gadre.csv", map={"loss": "loss_openlm"})
    runs = runs.with_column("M", runs["D"] / runs["N"], "1")
    for g in np.unique(runs["dataset"].astype(str)):
        part = runs.take(runs["dataset"].astype(str) == g)
        yield _split(
            "overtraining_gadre",
            g,
            part,
            part["N"] > 1e9,
            "overtraining",
            ("chinchilla", "coupled", "kaplan_joint", "joint_power"),
        )


def porian(folder: Path) -> Iterator[Case]:
    runs = read(folder / "porian_isoflop.csv")
    for g in np.unique(runs["group"].astype(str)):
        part = runs.take(runs["group"].astype(str) == g)
        yield _split("porian_isoflop", g, part, _top(part["C"], 3), "chinchilla")


def misfitting(folder: Path) -> Iterator[Case]:
    runs = read(folder / "misfitting_runs.csv", where="is_final==1")
    runs = _best_of(runs, "N", "planned_tokens")
    yield _split("misfitting_runs", "best lr", runs, runs["N"] > 2.6e8, "chinchilla")


def olmo(folder: Path) -> Iterator[Case]:
    runs = read(folder / "olmo_ladder_val_losses.csv", map={"loss": "loss_c4"})
    target = np.char.startswith(runs["run"].astype(str), "peteish")
    yield _split("olmo_ladder_val_losses", "to 7B, 13B", runs, target, "chinchilla")
    ladder = runs.take(~target)
    yield _split("olmo_ladder_val_losses", "to 3B", ladder, ladder["N"] > 2e9, "chinchilla")


def data_constrained(folder: Path) -> Iterator[Case]:
    runs = read(folder / "data_constrained.csv")
    yield _split("data_constrained", "N >= 1e9", runs, runs["N"] >= 1e9, "data_constrained")
    yield _split("data_constrained", "epochs > 4", runs, runs["epochs"] > 4, "data_constrained")


def steplaw(folder: Path) -> Iterator[Case]:
    runs = read(folder / "steplaw_dense.csv", pick="all")
    runs = _best_of(runs, "N", "D")
    yield _split("steplaw_dense", "best lr, batch", runs, runs["N"] > 1e9, "chinchilla")


def routed(folder: Path) -> Iterator[Case]:
    runs = read(folder / "routed_moe_curves.csv", map={"loss": "loss", "N": "params_dense"})
    for router in ("S-Base", "Hash", "RL-R"):
        part = runs.take(np.isin(runs["router_type"].astype(str), [router, "Dense"]))
        name = next(c for c in part.columns if c in ("experts", "n_experts"))
        part = part.with_column("experts", np.asarray(part[name], float), "1")
        part = part.take(np.asarray(part["k"], float) == 1) if "k" in part else part
        yield _split(
            "routed_moe_curves",
            router,
            part,
            part["N"] > 3e8,
            "routed_experts",
            ("routed_experts", "size_power"),
        )


def vocabulary(folder: Path) -> Iterator[Case]:
    runs = read(folder / "vocabulary.csv", pick="all")
    loss = next(c for c in ("L", "loss_unigram_normalised") if c in runs)
    columns = {
        "Lu": runs[loss],
        "Nnv": runs["params_nonvocab"],
        "Nv": runs["vocab_size"] * runs["d_model"],
        "D": runs["characters"],
    }
    table = RunTable({k: np.asarray(v, float) for k, v in columns.items()}, source="vocabulary")
    yield _split(
        "vocabulary",
        "V = 64512",
        table,
        np.asarray(runs["vocab_size"]) > 64000,
        "vocabulary",
        ("vocabulary",),
    )
    yield _split(
        "vocabulary", "largest model", table, _top(table["Nnv"], 1), "vocabulary", ("vocabulary",)
    )


def sft(folder: Path) -> Iterator[Case]:
    runs = read(folder / "sft_examples.csv", pick="all")
    labels = np.array([f"{t}|{m}" for t, m in zip(runs["task"], runs["model"], strict=True)])
    for label in np.unique(labels):
        part = runs.take(labels == label)
        table = RunTable({"L": part["L"], "n": part["n"]}, source=label, rows=part.rows)
        yield _split("sft_examples", label, table, _top(table["n"], 2), "rectified")


def nmt(folder: Path) -> Iterator[Case]:
    runs = read(folder / "nmt_data_size.csv", pick="all", map={"loss": "log_perplexity"})
    for m in np.unique(runs["model"].astype(str)):
        part = runs.take(runs["model"].astype(str) == m)
        yield _split("nmt_data_size", m, part, part["split"].astype(str) != "fit", "finetune_power")


def addition(folder: Path) -> Iterator[Case]:
    runs = read(folder / "bnsl_addition.csv", pick="all")
    runs = runs.take(np.arange(len(runs)))
    yield _split("bnsl_addition", "", runs, runs["split"].astype(str) != "fit", "bnsl")


def evo(folder: Path) -> Iterator[Case]:
    runs = read(folder / "evo_dna_optima.csv", pick="all")
    for m in np.unique(runs["model"].astype(str)):
        part = runs.take(runs["model"].astype(str) == m)
        yield _split("evo_dna_optima", m, part, _top(part["C"], 1), "N = k*C^a", ("N = k*C^a",))


def utd(folder: Path) -> Iterator[Case]:
    runs = read(folder / "rl_utd_model_size.csv", pick="all", where="group==dmc")
    values = {"s": runs["utd"], "N": runs["N"], "steps_needed": runs["env_steps_to_threshold"]}
    table = RunTable({k: np.asarray(v, float) for k, v in values.items()}, source="rl_utd")
    for n in np.unique(table["N"]):
        part = table.take(table["N"] == n)
        formula = "steps_needed = Dmin + (b/s)^a"
        yield _split(
            "rl_utd_model_size", f"N={n:.3g}", part, _top(part["s"], 1), formula, (formula,)
        )


def supercollapse(folder: Path) -> Iterator[Case]:
    runs = read(folder / "supercollapse_runs.csv", pick="all")
    for s in np.unique(runs["set"].astype(str)):
        if s == "mlp_schedules":
            continue
        part = runs.take(runs["set"].astype(str) == s)
        yield _split("supercollapse_runs", s, part, _top(part["N"], 2), "power", ("power",))


def xlstm(folder: Path) -> Iterator[Case]:
    runs = read(folder / "xlstm_vs_llama_runs.csv", pick="all", where="finished==1 and loss<5")
    sets = runs["isoflop_set"].astype(str)
    for arch in np.unique(runs["arch"].astype(str)):
        rows = (runs["arch"].astype(str) == arch) & (np.char.str_len(sets) > 0) & (sets != "nan")
        rows &= np.asarray(runs["context_length"], float) == 8192
        part = runs.take(rows)
        if len(part) < 12:
            continue
        budget = {
            s: float(np.median(part["C"][part["isoflop_set"].astype(str) == s]))
            for s in np.unique(part["isoflop_set"].astype(str))
        }
        last = max(budget, key=lambda s: budget[s])
        yield _split(
            "xlstm_vs_llama_runs", arch, part, part["isoflop_set"].astype(str) == last, "chinchilla"
        )


CASES: tuple[Callable[[Path], Iterator[Case]], ...] = (
    chinchilla,
    isoflops,
    overtraining,
    porian,
    misfitting,
    olmo,
    data_constrained,
    steplaw,
    routed,
    vocabulary,
    sft,
    nmt,
    addition,
    evo,
    utd,
    supercollapse,
    xlstm,
)
