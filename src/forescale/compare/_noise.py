"""Noise drawn anew for several methods at once: what errs together is drawn together.

Runs of two methods at the same size, on the same data in the same order, share much of
their luck; a difference between them does not have it. So the residuals of a pair travel as
one. The points of one run share a sign. All other residuals are drawn one by one.

Source: Cameron, Gelbach & Miller 2008, "Bootstrap-Based Improvements for Inference with
Clustered Errors"; Webb 2023, "Reworking wild bootstrap-based inference for clustered errors",
for the six weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forescale.errors import BadTable
from forescale.runs import RunTable
from forescale.runs.curves import codes

Array = NDArray[np.float64]
Index = NDArray[np.intp]

#: Pairs from which on a design counts as paired: the residuals of fewer are no sample.
LEAST_PAIRS = 4
#: Share of the runs that must have a partner before `auto` pairs.
LEAST_SHARE = 0.5
#: Runs of a method from which on its noise is its own; fewer borrow from the other methods.
OWN_NOISE = 8
#: Correlation of the partners' residuals from which on `auto` pairs: a paired test spends a
#: degree of freedom per pair, which luck that is hardly shared does not pay back.
PAYS = 0.3
#: And it must be more than chance gives, in standard errors of Fisher's z (one-sided 5 %): the
#: luckiest of many pairings that share nothing make differences look small. Of 200 planted pairs
#: of one law without shared luck, 12 runs each, 36 were paired at 0.3 alone, and a nominal 5 %
#: rejected in 11 % to 17 % of these.
BEYOND_CHANCE = 1.645
_WEBB = np.sqrt([0.5, 1.0, 1.5])
_WEIGHTS = np.concatenate([-_WEBB, _WEBB])


@dataclass(frozen=True)
class Design:
    """Which rows err together.

    Args:
        unit: Pair, or run, that each row belongs to, shape (n,).
        kind: "pairs", "runs" (curves: several rows per run) or "rows".
        note: One line for the user.
    """

    unit: Index
    kind: str
    note: str


def design(
    runs: RunTable, by: str, inputs: Sequence[str], methods: int, pair: str = "auto"
) -> Design:
    """How the rows of several methods err together.

    Args:
        runs: The table.
        by: Column of the methods.
        inputs: Inputs of the law: runs of one size and data have equal ones.
        methods: How many methods there are.
        pair: "auto" (equal inputs, and equal seeds where there is a column of them), "none",
            or the columns whose equal values make a pair, joined by commas.

    Raises:
        UnknownName: If a column of `pair` does not exist.
        BadTable: If such a column pairs no runs.
    """
    n = len(runs)
    method = codes(runs[by])
    if "run" in runs and len(np.unique(run := codes(method, runs["run"]))) < n:
        return Design(run, "runs", f"the points of {run.max() + 1} runs err together")
    alone = Design(np.arange(n), "rows", "runs err independently")
    if pair == "none":
        return alone
    asked = pair != "auto"
    if asked:
        columns = [runs[c.strip()] for c in pair.split(",")]
    else:
        # Sizes that agree to a millionth are one size written twice.
        columns = [np.round(np.log10(np.maximum(runs[i], 1e-300)), 6) for i in inputs]
        columns += [runs["seed"]] if "seed" in runs else []
    key = codes(*columns)
    once = np.bincount(codes(key, method))[codes(key, method)] == 1
    partners = np.bincount(key, minlength=int(key.max()) + 1)[key] > 1
    paired = once & partners
    # A key that holds a method twice says nothing of who belongs to whom.
    spoiled = np.isin(key, key[~once])
    paired &= ~spoiled
    count = len(np.unique(key[paired]))
    if count < LEAST_PAIRS or (not asked and paired.mean() < LEAST_SHARE):
        if asked:
            raise BadTable(
                f"{pair} pairs {count} runs of different methods; {LEAST_PAIRS} are needed",
                where=runs.source,
                fix="name columns that hold each method once per value, or use --pair none",
            )
        return alone
    unit = codes(np.where(paired, key, key.max() + 1 + np.arange(n)))
    what = "pairs" if methods == 2 else "groups of partners"
    same = pair if asked else "scale and seed" if "seed" in runs else "scale"
    return Design(unit.astype(np.intp), "pairs", f"{count} {what} of equal {same}")


def worth(plan: Design, residuals: Array, method: Index, share: float) -> Design:
    """The design, unpaired where partners are not found to share luck.

    Args:
        plan: A design of pairs that nobody asked for.
        residuals: Freed residuals, shape (n,).
        method: Method of each row, shape (n,).
        share: Degrees of freedom left per row.
    """
    spread = np.array([residuals[method == k].std() for k in range(int(method.max()) + 1)])
    z = residuals / np.maximum(spread, 1e-300)[method]
    count = np.bincount(plan.unit)
    total, squares = np.bincount(plan.unit, z), np.bincount(plan.unit, z * z)
    several = count > 1
    # Mean product of two different members of a unit, over the mean square.
    products = (total**2 - squares)[several].sum() / (count * (count - 1))[several].sum()
    shared = float(products / max(np.mean(z[several[plan.unit]] ** 2), 1e-300))
    chance = float(np.tanh(BEYOND_CHANCE / np.sqrt(max(share * several.sum() - 1.0, 1.0))))
    if shared >= max(PAYS, chance):
        return replace(plan, note=f"{plan.note}, whose errors correlate by {shared:.2f}")
    found = "share no luck" if shared < PAYS else "share no luck that chance would not give"
    return Design(
        np.arange(len(z)),
        "rows",
        f"{plan.note} {found} (correlation {shared:.2f}): taken to err independently",
    )


def partners(unit: Index, method: Index) -> Index:
    """Rows of the pairs of two methods, shape (m, 2); unit and method of shape (n,)."""
    order = np.lexsort((method, unit))
    u = unit[order]
    i = np.flatnonzero(u[:-1] == u[1:])
    whole = np.bincount(u)[u[i]] == 2
    found = np.stack([order[i], order[i + 1]], axis=1)[whole]
    return np.asarray(found[method[found[:, 0]] != method[found[:, 1]]])


@dataclass(frozen=True)
class Noise:
    """Residuals to draw from.

    Args:
        residuals: Freed residuals, shape (n,).
        exchange: Rows that may trade places, each of shape (units, methods of the unit).
        signed: Rows whose whole unit only changes its sign, with the unit, each of shape (m,).
        share: Degrees of freedom left per row.
    """

    residuals: Array
    exchange: tuple[Index, ...]
    signed: tuple[Index, Index]
    share: float

    def draw(self, rng: np.random.Generator, count: int, *, scale: bool) -> Array:
        """Noise, shape (count, n).

        Args:
            rng: Source of randomness.
            count: Draws.
            scale: Whether the noise's size is drawn too, as it must be for intervals of few
                runs; a statistic that is free of it does without.
        """
        out = np.zeros((count, len(self.residuals)))
        for rows in self.exchange:
            k, width = rows.shape
            donor = rng.integers(0, k, size=(count, k))
            sign = rng.choice([-1.0, 1.0], size=(count, k))
            if scale:
                sign = sign * _size(rng, count, self.share * k)
            for j in range(width):
                out[:, rows[:, j]] = self.residuals[rows[donor, j]] * sign
        rows, unit = self.signed
        if len(rows):
            units = int(unit.max()) + 1
            weight = rng.choice(_WEIGHTS, size=(count, units))
            if scale:
                weight = weight * _size(rng, count, units - 1)
            out[:, rows] = self.residuals[rows] * weight[:, unit]
        return out


def _size(rng: np.random.Generator, count: int, dof: float) -> Array:
    dof = max(dof, 1.0)
    return np.minimum(np.sqrt(dof / rng.chisquare(dof, size=(count, 1))), 30.0)


def pool(residuals: Array, share: float, *, unit: Index, method: Index) -> Noise:
    """What to draw from: pairs of the same methods trade places, so do single runs.

    Args:
        residuals: Freed residuals, shape (n,).
        share: Degrees of freedom left per row.
        unit: As in `Design`, shape (n,).
        method: Method of each row, shape (n,).
    """
    order = np.lexsort((method, unit))
    starts = np.flatnonzero(np.diff(unit[order], prepend=-1))
    groups: dict[tuple[int, ...], list[Index]] = {}
    for rows in np.split(order, starts[1:]):
        groups.setdefault(tuple(method[rows].tolist()), []).append(rows)
    exchange, signed = [], []
    few: list[Index] = []
    for members, found in groups.items():
        if len(members) == 1 and len(found) < OWN_NOISE:
            few += found
        elif len(set(members)) == len(members) and len(found) >= LEAST_PAIRS:
            exchange.append(np.stack(found))
        else:
            signed += found
    if few:
        # Methods of few runs each borrow from one another: alone they are no sample.
        exchange.append(np.stack(few))
    rows = np.concatenate(signed) if signed else np.zeros(0, np.intp)
    which = np.repeat(np.arange(len(signed)), [len(s) for s in signed]).astype(np.intp)
    return Noise(residuals, tuple(exchange), (rows, which), share)
