"""All reasonable analyses at once: how far the number moves, and by whose choice.

Source: Steegen et al. 2016, "Increasing Transparency Through a Multiverse Analysis"; Bell et
al. 2022, "Modeling the Machine Learning Multiverse".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from forescale.errors import BadOption, ForescaleError, NotReached, UnknownName, check_level
from forescale.fit import specify
from forescale.fit.objective import Objective
from forescale.fit.objective import objective as find_objective
from forescale.forecast import candidates
from forescale.laws import Law
from forescale.multiverse import choices as kinds
from forescale.multiverse._analysis import Absent, Analysis, Ask, Axis, Choice
from forescale.multiverse._decision import Decision, decision
from forescale.multiverse._engine import Value, evaluate, failed
from forescale.multiverse._quantity import quantity
from forescale.multiverse.checklist import Checklist, checklist
from forescale.multiverse.result import Dimension, Move, Multiverse
from forescale.quantities import short
from forescale.runs import RunTable
from forescale.runs.curves import find_curves, pick_rows

__all__ = [
    "Checklist",
    "Choice",
    "Decision",
    "Dimension",
    "Move",
    "Multiverse",
    "checklist",
    "kinds",
    "multiverse",
]

#: Universes beyond which nobody waits.
MOST = 20_000
#: Values of a column of words up to which they are told of as variants.
VARIANTS = 64


def multiverse(
    runs: RunTable,
    *,
    of: str | None = None,
    at: Mapping[str, float] | None = None,
    law: Law | str = "auto",
    objective: str | Objective = "huber",
    decide: str | float | None = None,
    vary: Sequence[str] = (),
    rows: Sequence[str] = (),
    choices: Sequence[str] = (),
    without: Sequence[str] = (),
    forms: Sequence[str | Law] = (),
    objectives: Sequence[str] = (),
    weights: str | None = None,
    default: Mapping[str, str] | None = None,
    hold: Mapping[str, str] | None = None,
    level: float = 0.9,
    seed: int = 0,
    workers: int = 1,
) -> Multiverse:
    """One number under every combination of the analyst's choices.

    Args:
        runs: The run table; one with several points per run lets checkpoints be a choice.
        of: "exponent" (a in N_opt ~ C^a), a parameter of the law, or its output such as "L";
            by default a forecast where `at` is given, else the exponent of a law in N and D,
            else the law's own.
        at: Place of the forecast, input to value; or C at which the exponent is taken.
        law: The default law; "auto" takes the first of `forescale.forecast.candidates` that
            tells the number.
        objective: The default objective.
        decide: What hangs on the number: "a > 0.6", or a number to be exceeded.
        vary: Columns whose values are variants to choose among.
        rows: Conditions on rows that may hold or not.
        choices: Kinds of choices, names of `multiverse.choices`; all by default.
        without: Kinds left out.
        forms: Laws to choose among; by default those worth trying whose noise is not clearly
            above the best one's.
        objectives: Objectives to choose among; by default those in common use.
        weights: Column of weights that is one more option.
        default: Choice to option, where the default should be another.
        hold: Choice to option, where there is to be no choice.
        level: Level of the intervals.
        seed: Seed of the fits.
        workers: Processes; the answer does not depend on it.

    Raises:
        BadOption, UnknownName, BadTable, TooFewRuns: The input cannot be used.
        NotReached: If the default analysis gives no number.
    """
    check_level(level)
    chosen = _kinds(choices, without)
    curved = find_curves(runs) is not None
    # Every analysis of curves but those that choose checkpoints is one of final losses.
    final = pick_rows(runs, "final") if curved else runs
    named = _law(final, law, of, dict(at or {}))
    asked = quantity(of, dict(at or {}), named, final)
    decided = None if decide is None else decision(decide, asked.name)
    ask = Ask(
        quantity=asked,
        vary=tuple(vary),
        rows=tuple(rows),
        forms=tuple(forms),
        objectives=tuple(objectives),
        weights=weights,
        seed=seed,
    )
    start_runs = runs if curved and "checkpoints" in chosen else final
    start = Analysis(start_runs, np.ones(len(start_runs), bool), named, find_objective(objective))
    axes, base = _axes(start, ask, chosen, dict(default or {}), dict(hold or {}))
    shown = [i for i, axis in enumerate(axes) if len(axis.options) > 1]
    if not shown:
        raise BadOption(
            "there is nothing to choose",
            where=runs.source,
            fix=f"let some of these be choices: {', '.join(kinds.names())}",
        )
    cells = list(islice(_walk(start, axes, ()), MOST + 1))
    if len(cells) > MOST:
        wide = ", ".join(f"{short(a.name)} {len(a.options)}" for a in axes)
        raise BadOption(
            f"there are more than {MOST:,} universes (options: {wide})",
            fix="leave choices out with --without, or name few with --choices",
        )
    made: dict[tuple[object, ...], int] = {}
    unique: list[Analysis] = []
    for _, a in cells:
        if isinstance(a, Analysis) and a.key not in made:
            made[a.key] = len(unique)
            unique.append(a)
    # The law the searches start from is fitted to the default's runs, with its objective.
    values = evaluate(
        unique, asked, ask.fitted, default=base, level=level, seed=seed, workers=workers
    )
    found = [values[made[a.key]] if isinstance(a, Analysis) else failed(a) for _, a in cells]
    if not np.isfinite(found[0].value):
        raise NotReached(
            f"the default analysis gives no {asked.name}: {found[0].why}",
            where=runs.source,
            fix="choose another default law with --law, or another option with --default",
        )
    absent = int(np.prod([len(a.options) for a in axes])) - len(cells)
    through = base.estimator == "parabolas"
    fit = ask.fitted(replace(base, estimator="law"))
    return Multiverse(
        name=asked.name,
        words=asked.words,
        factors=asked.factors,
        choices=tuple(
            (axes[i].name, axes[i].what, tuple(o.name for o in axes[i].options)) for i in shown
        ),
        index=np.array([at for at, _ in cells], np.intp)[:, shown],
        values=np.array([v.value for v in found]),
        errors=np.array([v.error for v in found]),
        why=tuple(v.why for v in found),
        distinct=len(unique),
        at_bound=sum(v.at_bound for v in values),
        absent=absent,
        decision=decided,
        level=level,
        law="parabolas" if through else base.law.name,
        formula="best sizes of the budgets" if through else base.law.formula,
        source=runs.source,
        hash=runs.hash,
        runs=int(base.keep.sum()),
        seed=seed,
        checklist=checklist(fit),
        notes=_notes(final, axes, ask, values, absent),
    )


def _kinds(choices: Sequence[str], without: Sequence[str]) -> tuple[str, ...]:
    wanted = [kinds.get(n).name for n in choices] or list(kinds.names())
    out = {kinds.get(n).name for n in without}
    return tuple(n for n in wanted if n not in out)


def _law(runs: RunTable, law: Law | str, of: str | None, at: dict[str, float]) -> Law:
    if law != "auto":
        return specify(runs, law).law
    names = candidates(runs)
    for name in names:
        found = specify(runs, name).law
        try:
            if quantity(of, at, found, runs).applies(found):
                return found
        except BadOption:
            continue
    return specify(runs, names[0]).law


def _axes(
    start: Analysis,
    ask: Ask,
    chosen: Sequence[str],
    default: Mapping[str, str],
    hold: Mapping[str, str],
) -> tuple[tuple[Axis, ...], Analysis]:
    """The axes on this table, each with its default option first, and the default analysis."""
    at, found = start, []
    for kind in sorted((kinds.get(n) for n in chosen), key=lambda k: k.turn):
        new = [
            _held(_from(axis, {**default, **hold}), hold)
            for axis in kind.axes(at, ask)
            if len(axis.options) > 1
        ]
        for axis in new:
            at = axis.options[0].change(at)
        found += new
    unknown = {*default, *hold} - {axis.name for axis in found}
    if unknown:
        raise UnknownName(
            f"there is no choice '{short(min(unknown))}' on this table",
            where="--default or --hold",
            fix=f"there are {', '.join(axis.name for axis in found)}",
        )
    return tuple(found), at


def _from(axis: Axis, default: Mapping[str, str]) -> Axis:
    """The axis with the option that the user calls the default in front."""
    if axis.name not in default:
        return axis
    wanted = default[axis.name]
    first = [o for o in axis.options if o.name == wanted]
    if not first:
        raise UnknownName(
            f"'{short(wanted)}' is no option of {axis.name}",
            where="--default or --hold",
            fix=f"there are {short(', '.join(o.name for o in axis.options), 300)}",
        )
    return replace(axis, options=(*first, *(o for o in axis.options if o.name != wanted)))


def _held(axis: Axis, hold: Mapping[str, str]) -> Axis:
    """The axis with one option left, where the user wants no choice."""
    return replace(axis, options=axis.options[:1]) if axis.name in hold else axis


def _walk(
    at: Analysis | ForescaleError, axes: Sequence[Axis], done: tuple[int, ...]
) -> Iterator[tuple[tuple[int, ...], Analysis | ForescaleError]]:
    """Every universe: which options, and the analysis or why there is none."""
    if not axes:
        yield done, at
        return
    for k, option in enumerate(axes[0].options):
        after: Analysis | ForescaleError = at
        if isinstance(at, Analysis):
            try:
                after = option.change(at)
            except Absent:
                # A combination of variants that nobody ran is no analysis that failed.
                continue
            except ForescaleError as error:
                after = error
        yield from _walk(after, axes[1:], (*done, k))


def _notes(
    runs: RunTable, axes: Sequence[Axis], ask: Ask, values: Sequence[Value], absent: int
) -> tuple[str, ...]:
    notes = []
    names = {a.name for a in axes if len(a.options) > 1}
    if absent:
        varied = ", ".join(short(c) for c in ask.vary)
        notes.append(
            f"not every combination of {varied} was run, so shares are estimates: main effects by "
            "least squares, totals from pairs that differ in one choice"
        )
    if "estimator" in names and names & {"form", "objective", "weights"}:
        notes.append(
            "form, objective and weights do not touch the parabolas: their options share a number "
            "there"
        )
    bound = sum(v.at_bound for v in values)
    if bound:
        notes.append(f"in {bound} of {len(values)} analyses a parameter lies at its bound")
    for name, column in runs.columns.items():
        if column.dtype != object or name == "run" or name in ask.vary or ask.rows:
            continue
        variants = len(set(column.tolist()))
        if 1 < variants <= VARIANTS and not ask.vary:
            notes.append(
                f"column '{short(name)}' holds {variants} variants, fitted together; --vary "
                f"{short(name)} makes them a choice"
            )
    return tuple(notes)
