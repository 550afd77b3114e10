"""What is wrong with a table, found row by row.

Rows no law can use are dropped with the reason, what cannot be mended is refused, and what is
merely suspicious becomes a note. Each check takes a table and returns one; `CHECKS` is their order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadTable
from forescale.quantities import QUANTITIES, flops_6nd, format_number, short
from forescale.runs.curves import codes
from forescale.runs.table import RunTable


def checked(table: RunTable, strict: bool = False) -> RunTable:
    """The table after every check.

    Args:
        table: As read, selected and picked.
        strict: Refuse where a row would be dropped.

    Raises:
        BadTable: If a column is unusable, no row is left, or (strict) a row is bad.
    """
    before = len(table.dropped)
    for check in CHECKS:
        table = check(table)
        if strict and len(table.dropped) > before:
            raise BadTable(
                str(table.dropped[before]),
                where=table.source,
                fix="mend or delete the row, or read without strict",
            )
        if not len(table):
            raise BadTable(
                f"no usable row is left: {table.dropped[-1]}",
                where=table.source,
                fix="mend the values, or choose other columns with --map",
            )
    return table


def _numbers(table: RunTable, name: str) -> NDArray[np.float64] | None:
    values = table.columns.get(name)
    return None if values is None or values.dtype == object else values


def _column(table: RunTable, name: str) -> str:
    return f"{table.source}, column '{short(table.names.get(name, name))}'"


def duplicates(table: RunTable) -> RunTable:
    """Rows that repeat an earlier row in every column say nothing new."""
    if len(table.columns) < 2:
        return table
    group = codes(*table.columns.values())
    first = np.unique(group, return_index=True)[1]
    again = np.ones(len(table), dtype=bool)
    again[first] = False
    if not again.any():
        return table
    rows = table.rows[again]
    note = (
        f"{again.sum()} rows repeat an earlier row exactly and were left out (first: row {rows[0]})"
    )
    return table.drop(again, "repeats an earlier row exactly").noted(note)


def replicates(table: RunTable) -> RunTable:
    """One run id with several losses at one place: replicates, kept."""
    loss, run = _numbers(table, "L"), table.columns.get("run")
    if loss is None or run is None:
        return table
    place = [table.columns[n] for n in ("step", "D", "N", "C") if n in table.columns]
    labels = [c for n, c in table.columns.items() if c.dtype == object and n != "run"]
    same = np.bincount(codes(run, *place, *labels))
    if (same > 1).any():
        return table.noted(
            f"{int((same > 1).sum())} run ids come more than once with different "
            "losses; kept as replicates"
        )
    return table


def positive_scales(table: RunTable) -> RunTable:
    """N, D, C and their kin must be above zero: laws take their powers."""
    for name, quantity in QUANTITIES.items():
        values = _numbers(table, name)
        if values is None or not quantity.positive:
            continue
        infinite = np.isinf(values)
        # A model before its first step of fine-tuning is a run with no steps, not a slip.
        bad = infinite | ((values < 0) if name == "S" else (values <= 0))
        if not bad.any():
            continue
        if bad[~np.isnan(values)].all():
            i = int(np.flatnonzero(bad)[0])
            raise BadTable(
                f"every value is zero, negative or infinite (first {values[i]:g})",
                where=table.place(i, name),
                fix="mend the column, or map another one",
            )
        table = table.drop(bad, f"{name} must be above zero and finite", name)
    return table


def finite_loss(table: RunTable) -> RunTable:
    """Rows whose loss is missing, NaN or infinite: the run diverged or was not measured."""
    loss = _numbers(table, "L")
    if loss is None:
        return table
    bad = ~np.isfinite(loss)
    if bad.all():
        raise BadTable(
            "no row has a finite loss",
            where=_column(table, "L"),
            fix="choose another column with --map loss=COLUMN",
        )
    return table.drop(bad, "diverged or missing loss", "L")


def positive_loss(table: RunTable) -> RunTable:
    """A cross-entropy is above zero; negative ones are log-likelihoods or differences."""
    loss = _numbers(table, "L")
    if loss is None or table.units.get("L") in ("relative", "other"):
        return table
    bad = loss <= 0
    if bad.sum() > len(table) / 2:
        i = int(np.flatnonzero(bad)[0])
        raise BadTable(
            f"{int(bad.sum())} of {len(table)} losses are zero or negative (the first is "
            f"{loss[i]:g})",
            where=table.place(i, "L"),
            fix="turn log-likelihoods into losses by their sign, or pass --loss-unit relative "
            "if the loss is a difference",
        )
    return table.drop(bad, "a loss must be above zero", "L")


def mixed_units(table: RunTable) -> RunTable:
    """A gap of many decades within N or D: some rows say 7 where they mean 7B."""
    for name in ("N", "N_total", "N_nonembed", "N_active", "D", "U"):
        values = _numbers(table, name)
        if values is None:
            continue
        usable = np.flatnonzero(values > 0)
        order = usable[np.argsort(values[usable])]
        if len(order) < 2:
            continue
        gaps = np.diff(np.log10(values[order]))
        at = int(np.argmax(gaps))
        low = values[order[at]]
        if gaps[at] <= 5 or low >= 1e4:
            continue
        below, above = order[: at + 1], order[at + 1 :]
        i = int(below.min() if len(below) <= len(above) else above.min())
        j = int(above[0] if i in below else below[-1])
        raise BadTable(
            f"{format_number(values[i])} stands beside {format_number(values[j])} (row "
            f"{table.rows[j]}) and nothing lies between: mixed units?",
            where=table.place(i, name),
            fix="write every value in full, or with its suffix: 7B",
        )
    return table


def compute_agrees(table: RunTable) -> RunTable:
    """C beside 6ND: attention adds some, a thousandfold is a unit."""
    N, D, C = (_numbers(table, name) for name in "NDC")
    if N is None or D is None or C is None or any("flops_rule" in n for n in table.notes):
        return table
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = C / flops_6nd(N, D)
    ratios = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(ratios):
        return table
    ratio = float(np.median(ratios))
    decades = round(np.log10(ratio) / 3) * 3
    if abs(decades) >= 3 and abs(np.log10(ratio) - decades) < 0.5:
        return table.noted(
            f"C is {ratio:.2g} times 6ND in the median row: are N or D in thousands, millions or "
            "billions? write the header as 'params [M]' or 'tokens [B]'"
        )
    if not 0.5 <= ratio <= 2.0:
        return table.noted(
            f"C is {ratio:.2g} times 6ND in the median row; attention, embeddings "
            "or another way of counting can explain that"
        )
    return table


def suspicious_sizes(table: RunTable) -> RunTable:
    """N below ten thousand beside D of hundreds of millions: N may be in millions."""
    N, D = _numbers(table, "N"), _numbers(table, "D")
    if N is None or D is None or any("are N or D in" in note for note in table.notes):
        return table
    N, D = N[np.isfinite(N)], D[np.isfinite(D)]
    if N.size and D.size and N.max() < 1e4 and np.median(D) > 1e8:
        return table.noted(
            f"the largest N is {format_number(float(N.max()))} with "
            f"{format_number(float(np.median(D)))} tokens: if it is in "
            "millions, write the header as 'params [M]'"
        )
    return table


def loss_looks_right(table: RunTable) -> RunTable:
    """Perplexities and accuracies under the name of a loss."""
    loss, C = _numbers(table, "L"), _numbers(table, "C")
    if loss is None or table.units.get("L") != "nats/token" or not len(loss):
        return table
    logged = any("perplexity" in note for note in table.notes)
    if np.median(loss) > 20 and not logged:
        table = table.noted(
            f"the median loss is {format_number(float(np.median(loss)))}: it looks "
            "like perplexity; pass --loss-unit perplexity if it is"
        )
    if (loss <= 1).all() and C is not None and len(loss) >= 5:
        both = np.isfinite(C)
        ranks = [_standard_ranks(v[both]) for v in (loss, C)]
        if both.sum() >= 5 and np.mean(ranks[0] * ranks[1]) > 0.5:
            table = table.noted(
                "the loss lies between 0 and 1 and grows with compute: is it an "
                "accuracy? map it with --map score=COLUMN"
            )
    return table


def _standard_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks with mean 0 and variance 1, so that a mean product is a rank correlation."""
    ranks = np.argsort(np.argsort(values)).astype(np.float64)
    return np.asarray((ranks - ranks.mean()) / max(float(ranks.std()), 1e-9))


def constant_columns(table: RunTable) -> RunTable:
    """A quantity that does not vary cannot teach its exponent."""
    if len(table) < 2:
        return table
    for name in ("N", "D", "n", "C", "L"):
        values = _numbers(table, name)
        if values is not None and len(values) and (values == values[0]).all():
            what = "the loss never changes" if name == "L" else f"its exponent in {name} is open"
            table = table.noted(f"{name} is {format_number(float(values[0]))} in every row; {what}")
    return table


def few_rows(table: RunTable) -> RunTable:
    """Three rows are the least any law can be tried on."""
    if len(table) < 3:
        word = "row" if len(table) == 1 else "rows"
        return table.noted(f"only {len(table)} {word}: too few to fit any law")
    return table


def missing_scales(table: RunTable) -> RunTable:
    """Missing N or D beside a good loss: kept, because not every law needs both."""
    for name in ("N", "D", "C"):
        values = _numbers(table, name)
        if values is not None and np.isnan(values).any():
            i = int(np.flatnonzero(np.isnan(values))[0])
            table = table.noted(
                f"{int(np.isnan(values).sum())} rows have no {name} (first: row "
                f"{table.rows[i]}); laws in {name} leave them out"
            )
    return table


CHECKS: tuple[Callable[[RunTable], RunTable], ...] = (
    duplicates,
    finite_loss,
    positive_scales,
    positive_loss,
    mixed_units,
    replicates,
    missing_scales,
    compute_agrees,
    suspicious_sizes,
    loss_looks_right,
    constant_columns,
    few_rows,
)
