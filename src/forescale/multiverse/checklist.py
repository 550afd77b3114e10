"""What a published law should tell its readers, answered from a fit and its table.

The questions are in our words; that they decide what a law is worth, and that few papers
answer them, is shown by the survey.

Source: Li et al. 2025, "(Mis)Fitting: A Survey of Scaling Law Fitting Techniques in Deep
Learning".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadTable
from forescale.fit import Fit
from forescale.quantities import N_CONVENTIONS, QUANTITIES, format_number, short
from forescale.runs import RunTable, compute, isoflop_groups, scale_name
from forescale.runs.curves import find_curves

Array = NDArray[np.float64]

UNTOLD = "not told by the table"


@dataclass(frozen=True)
class Item:
    """One question and its answer.

    Args:
        part: What it is about: "form", "runs", "counting", "training", "fit", "doubt".
        question: The question.
        answer: The answer, or that the table does not tell.
        told: Whether it was answered.
    """

    part: str
    question: str
    answer: str
    told: bool


@dataclass(frozen=True)
class Checklist:
    """The questions a reader of a scaling law has, and what can be answered.

    Args:
        items: Questions and answers.
        law: The law.
        source: Where the runs came from.
    """

    items: tuple[Item, ...]
    law: str
    source: str

    @property
    def open(self) -> tuple[Item, ...]:
        """What the author still has to say."""
        return tuple(i for i in self.items if not i.told)

    def __repr__(self) -> str:
        told = len(self.items) - len(self.open)
        return f"Checklist({self.law} on {self.source}: {told} of {len(self.items)} answered)"

    def summary(self) -> str:
        """Every question with its answer."""
        return "\n".join(
            [
                f"{self.law} on {self.source}",
                *(f"{i.part}: {i.question} {i.answer}" for i in self.items),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The list as plain values."""
        return {
            "schema": 1,
            "kind": "checklist",
            "law": self.law,
            "source": self.source,
            "answered": len(self.items) - len(self.open),
            "items": [vars(i) for i in self.items],
        }

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(i.question)}</td><td>{escape(i.answer)}</td></tr>" for i in self.items
        )
        return f"<p>{escape(repr(self))}</p><table>{rows}</table>"


def checklist(fit: Fit) -> Checklist:
    """The questions answered from a fit and the table behind it.

    Args:
        fit: The fit whose law is to be published.
    """
    items = []
    for part, question, answer in QUESTIONS:
        found = answer(fit)
        items.append(Item(part, question, found or UNTOLD, bool(found)))
    return Checklist(tuple(items), fit.law.name, fit.runs.source)


def _values(runs: RunTable, name: str) -> Array | None:
    """The numbers of a column; None where there are none."""
    if name not in runs or runs[name].dtype == object:
        return None
    v = np.asarray(runs[name], float)
    v = v[np.isfinite(v)]
    return v if len(v) else None


def _range(values: Array | None, unit: str = "") -> str:
    if values is None:
        return ""
    low, high = float(values.min()), float(values.max())
    # Compute is written as a power of ten.
    say = "{:.3g}".format if unit == "flops" else partial(format_number, digits=3)
    said = say(low)
    if high > low * (1 + 1e-9):
        said += f" to {say(high)}"
        if low > 0:
            said += f" (a factor of {format_number(high / low, 2)})"
    return said + (f" {unit}" if unit else "")


def _span(name: str) -> Callable[[Fit], str]:
    def answer(fit: Fit) -> str:
        known = QUANTITIES.get(name)
        unit = known.unit if known and known.unit != "1" else ""
        return _range(_values(fit.runs, name), unit)

    return answer


def _form(fit: Fit) -> str:
    said = f"{fit.law.predicts} = {fit.law.formula}, {len(fit.names)} numbers fitted"
    if fit.spec.fixed:
        said += ", fixed: " + ", ".join(f"{n} = {v:g}" for n, v in fit.spec.fixed.items())
    return said


def _reason(fit: Fit) -> str:
    if fit.choice is not None:
        names = ", ".join(c["law"] for c in fit.choice["candidates"])
        return f"chosen by held-out scale among {names}"
    return f"it is that of {fit.law.source}" if fit.law.source else ""


def _parameters(fit: Fit) -> str:
    return (
        ", ".join(f"{n} [{lo:.4g}, {hi:.4g}]" for n, (lo, hi) in fit.intervals.items())
        + f", at {100 * fit.level:g} %"
    )


def _count(fit: Fit) -> str:
    curves = find_curves(fit.runs)
    rows = len(fit.runs)
    return f"{rows} rows" + (f", points of {curves.count} runs" if curves else ", one per run")


def _sizes(fit: Fit) -> str:
    n = _values(fit.runs, "N")
    if n is None:
        return ""
    return f"{len(np.unique(n))} sizes, {_range(n, 'params')}"


def _ratio(fit: Fit) -> str:
    n, d = _values(fit.runs, "N"), _values(fit.runs, "D")
    if n is None or d is None or len(n) != len(d):
        return ""
    return _range(d / n, "tokens per parameter")


def _design(fit: Fit) -> str:
    if "N" not in fit.runs or ("C" not in fit.runs and "D" not in fit.runs):
        return ""
    groups = isoflop_groups(fit.runs)
    several = int((np.bincount(groups[groups >= 0]) >= 5).sum()) if (groups >= 0).any() else 0
    if several >= 3:
        return f"{several} compute budgets with 5 runs or more"
    n, d = _values(fit.runs, "N"), _values(fit.runs, "D")
    if n is None or d is None:
        return ""
    return f"{len(np.unique(n))} sizes by {len(np.unique(d))} numbers of tokens"


def _tuned(fit: Fit) -> str:
    found = []
    for name in ("lr", "batch", "weight_decay", "warmup", "optimizer", "schedule"):
        if name in fit.runs:
            kinds = len(set(fit.runs[name].tolist()))
            found.append(
                f"{name} {'is the same in all runs' if kinds == 1 else f'has {kinds} values'}"
            )
    return ", ".join(found)


def _points(fit: Fit) -> str:
    notes = [
        n for n in fit.runs.notes if "points of" in n or "picked" in n or "mean of the last" in n
    ]
    if notes:
        return "; ".join(notes)
    return "several points of each run" if find_curves(fit.runs) is not None else ""


def _counted(fit: Fit) -> str:
    used = [c for c in fit.law.inputs if c in N_CONVENTIONS]
    if not used:
        return ""
    header = fit.runs.names.get(used[0], used[0])
    others = [fit.runs.names.get(c, c) for c in N_CONVENTIONS if c in fit.runs and c not in used]
    said = f"column '{short(header)}'"
    if others:
        said += f"; the table also has {', '.join(short(o) for o in others)}"
    return said


def _embeddings(fit: Fit) -> str:
    used = [c for c in fit.law.inputs if c in N_CONVENTIONS]
    if not used:
        return ""
    if "nonembed" in used[0]:
        return "not counted"
    total, rest = _values(fit.runs, used[0]), _values(fit.runs, "N_nonembed")
    if total is None or rest is None or len(total) != len(rest):
        return ""
    share = 1 - rest / total
    return f"counted; they are {100 * share.min():.0f} to {100 * share.max():.0f} % of all"


def _flops(fit: Fit) -> str:
    rule = [n for n in fit.runs.notes if "flops_rule" in n]
    if rule:
        return "; ".join(rule)
    c, n, d = (_values(fit.runs, x) for x in ("C", "N", "D"))
    if c is None or n is None or d is None or not len(c) == len(n) == len(d):
        return "" if c is None else f"column '{short(fit.runs.names.get('C', 'C'))}', rule not told"
    ratio = c / (6 * n * d)
    if np.allclose(ratio, 1, atol=0.02):
        return "6 N D"
    return f"column '{short(fit.runs.names.get('C', 'C'))}', {_range(ratio)} times 6 N D"


def _loss(fit: Fit) -> str:
    header = fit.runs.names.get(fit.law.predicts, fit.law.predicts)
    unit = fit.runs.units.get(fit.law.predicts, "")
    return f"column '{short(header)}'" + (f" in {unit}" if unit else "")


def _schedule(fit: Fit) -> str:
    for name in ("schedule", "lr_schedule", "lr_decay", "scheduler"):
        if name in fit.runs:
            return ", ".join(sorted({short(str(v)) for v in fit.runs[name].tolist()})[:6])
    return ""


def _data(fit: Fit) -> str:
    for name in ("dataset", "train_set", "corpus", "data"):
        if name in fit.runs:
            return ", ".join(sorted({short(str(v)) for v in fit.runs[name].tolist()})[:6])
    u = _values(fit.runs, "U")
    return "" if u is None else f"{_range(u)} unique tokens"


def _seeds(fit: Fit) -> str:
    if "seed" in fit.runs:
        return f"{len(set(fit.runs['seed'].tolist()))} seeds"
    x = [np.asarray(fit.runs[i], float) for i in fit.law.inputs]
    places = len(np.unique(np.stack(x), axis=1).T)
    return f"{len(fit.runs) - places} rows repeat a place" if places < len(fit.runs) else ""


def _objective(fit: Fit) -> str:
    kind = "log residuals" if fit.spec.log_residual else "raw residuals"
    what = fit.spec.objective.what
    return f"{fit.spec.objective.name} on {kind}" + (f": {what}" if what else "")


def _optimizer(fit: Fit) -> str:
    end = "a minimum by gradient and curvature" if fit.converged else "NOT proved a minimum"
    return f"exact Newton steps, linear coefficients eliminated in the starts; {end}"


def _initial(fit: Fit) -> str:
    return f"{fit.spec.starts} quasi-random starts in a box set by the data, seed {fit.spec.seed}"


def _weights(fit: Fit) -> str:
    return "all alike" if fit.spec.weights is None else f"by column '{short(fit.spec.weights)}'"


def _dropped(fit: Fit) -> str:
    gone = [f"{len(fit.runs.dropped)} rows that no law can use"] if fit.runs.dropped else []
    gone += [n for n in fit.runs.notes if n.startswith("where ")]
    return "; ".join(gone) or "nothing"


def _held_out(fit: Fit) -> str:
    if fit.choice is None:
        return ""
    scores = [c["score_pct"] for c in fit.choice["candidates"] if c["law"] == fit.law.name]
    if not scores or scores[0] is None or not np.isfinite(scores[0]):
        return ""
    return f"the law was chosen by it: held-out error {scores[0]:.2g} %"


def _doubt(fit: Fit) -> str:
    if fit.profiled is not None:
        return "profile likelihood"
    if fit.draws is not None:
        return f"{fit.draws.method}, {len(fit.draws.natural)} draws, seed {fit.draws.seed}"
    return "Jacobian sandwich covariance"


def _noise(fit: Fit) -> str:
    return (
        f"{100 * fit.sigma:.2g} % per run" if fit.spec.log_residual else f"{fit.sigma:.3g} per run"
    )


def _bounds(fit: Fit) -> str:
    names = [n for n, b in zip(fit.names, fit.at_bound, strict=True) if b]
    return f"at a bound: {', '.join(names)}" if names else "none at a bound"


def _beyond(fit: Fit) -> str:
    try:
        c = compute(fit.runs)
    except BadTable:
        return ""
    scale = scale_name(fit.runs)
    return f"to {float(np.nanmax(c)):.3g} in {scale}; beyond is extrapolation"


#: What it is about, the question, and what answers it ("" where nothing does).
QUESTIONS: tuple[tuple[str, str, Callable[[Fit], str]], ...] = (
    ("form", "Which formula, with how many fitted numbers?", _form),
    ("form", "Why this form?", _reason),
    ("form", "What are the parameters, each with its doubt?", _parameters),
    ("runs", "How many points?", _count),
    ("runs", "Which model sizes?", _sizes),
    ("runs", "How many tokens?", _span("D")),
    ("runs", "How much compute?", _span("C")),
    ("runs", "How many tokens per parameter?", _ratio),
    ("runs", "How are sizes and data laid out?", _design),
    ("runs", "Which points of each run?", _points),
    ("runs", "How many seeds?", _seeds),
    ("counting", "Which parameters are counted?", _counted),
    ("counting", "Are embeddings and the head counted?", _embeddings),
    ("counting", "How is compute counted?", _flops),
    ("counting", "Which loss, in which unit?", _loss),
    ("training", "On which data?", _data),
    ("training", "Which hyperparameters were tuned, and at which scales?", _tuned),
    ("training", "Which learning-rate schedule, and does it end with the run?", _schedule),
    ("training", "Which architecture, and how does its shape grow?", lambda fit: ""),
    ("fit", "What is minimised?", _objective),
    ("fit", "By which optimiser, and did it end in a minimum?", _optimizer),
    ("fit", "From which starting values?", _initial),
    ("fit", "How are points weighted?", _weights),
    ("fit", "What was dropped?", _dropped),
    ("fit", "Does a bound decide a parameter?", _bounds),
    ("doubt", "How was the law tested on scale it had not seen?", _held_out),
    ("doubt", "Where do the intervals come from?", _doubt),
    ("doubt", "How noisy is one run?", _noise),
    ("doubt", "How far do the runs reach?", _beyond),
)
