"""A fit as JSON and back: data, law, numbers and draws, so that a forecast needs no refit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from forescale import laws
from forescale.errors import BadTable
from forescale.fit._build import Spec, build
from forescale.fit._rho import Rho
from forescale.fit.objective import Objective, Shape
from forescale.fit.result import Draws, Fit, Flag
from forescale.laws import Law, Param
from forescale.runs import Dropped, RunTable

SCHEMA = 1


def to_dict(fit: Fit) -> dict[str, Any]:
    """See `Fit.to_dict`."""
    from forescale import __version__

    spec, law = fit.spec, fit.law
    intervals = fit.intervals
    return {
        "schema": SCHEMA,
        "kind": "fit",
        "version": __version__,
        "law": law.name,
        "formula": law.formula,
        "predicts": law.predicts,
        "n_runs": len(fit.runs),
        "params": {
            n: {
                "value": v,
                "interval": list(intervals[n]),
                "error": fit.errors[n],
                "unit": _unit(law, n),
            }
            for n, v in fit.params.items()
        },
        "fixed": dict(spec.fixed),
        "level": fit.level,
        "objective": {"name": spec.objective.name, "value": fit.value, "noise": fit.sigma},
        "health": fit.health,
        "flags": [vars(f) for f in fit.flags],
        "converged": fit.converged,
        "choice": fit.choice,
        "rivals": [
            {"weight": w, "law": f.law.name, "formula": f.law.formula} for w, f in fit.rivals
        ],
        "source": fit.runs.source,
        "data_hash": fit.runs.hash,
        "dropped": [vars(d) for d in fit.runs.dropped],
        "notes": list(fit.runs.notes),
        "seed": spec.seed,
        "uncertainty": fit.draws.method if fit.draws else None,
        "state": _state(fit),
    }


def _unit(law: Law, name: str) -> str:
    head = name.partition("[")[0]
    return law.param(head).unit if head in law.names else ""


def _state(fit: Fit) -> dict[str, Any]:
    """What `from_dict` needs beyond what people read."""
    spec = fit.spec
    law = spec.law
    cluster = fit.draws.cluster if fit.draws else None
    more = [c for c in (spec.by, spec.weights, cluster, "run") if c]
    columns = [*law.inputs, law.predicts, *more]
    return {
        "law": {
            "inputs": list(law.inputs),
            "params": [
                [
                    p.name,
                    p.unit,
                    p.lower,
                    p.upper,
                    p.meaning,
                    p.start and list(p.start),
                    p.by_factors,
                ]
                for p in law.params
            ],
            "source": law.source,
            "residual": law.residual,
            "units": dict(law.units),
        },
        "objective": vars(spec.objective),
        "by": spec.by,
        "free": list(spec.free),
        "priors": {k: list(v) for k, v in spec.priors.items()},
        "weights": spec.weights,
        "bounded": list(spec.bounded),
        "starts": spec.starts,
        "theta": fit.theta.tolist(),
        "at_bound": fit.at_bound.tolist(),
        "covariance": fit.covariance.tolist(),
        "rho": vars(fit.problem.rho),
        "rows": fit.runs.rows.tolist(),
        "origin": fit.runs.origin,
        "data": {c: fit.runs[c].tolist() for c in dict.fromkeys(columns) if c in fit.runs},
        "draws": None
        if fit.draws is None
        else {
            "natural": fit.draws.natural.tolist(),
            "seed": fit.draws.seed,
            "notes": list(fit.draws.notes),
            "cluster": fit.draws.cluster,
        },
        "profiled": None if fit.profiled is None else {k: list(v) for k, v in fit.profiled.items()},
        "rivals": [[w, None if f.law == law else to_dict(f)] for w, f in fit.rivals],
    }


def from_dict(data: Mapping[str, Any]) -> Fit:
    """See `Fit.from_dict`."""
    if data.get("kind") != "fit" or data.get("schema") != SCHEMA:
        raise BadTable(
            f"this is no fit of schema {SCHEMA} (kind {data.get('kind')!r}, "
            f"schema {data.get('schema')!r})",
            fix="write one with forescale fit RUNS -o fit.json",
        )
    try:
        return _rebuild(data)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadTable(
            f"the fit is damaged: {type(error).__name__} {error}",
            fix="write it again with forescale fit RUNS -o fit.json",
        ) from None


def _number(value: Any) -> float:
    # JSON has no infinity: an open bound is null there.
    return float("inf") if value is None else float(value)


def _law(data: Mapping[str, Any]) -> Law:
    s = data["state"]["law"]
    law = Law(
        name=_word(data["law"]),
        formula=_word(data["formula"]),
        inputs=tuple(s["inputs"]),
        predicts=_word(data["predicts"]),
        params=tuple(
            Param(
                n,
                u,
                -_number(None) if lo is None else lo,
                _number(hi),
                m,
                None if start is None else (start[0], start[1]),
                bool(by_factors),
            )
            for n, u, lo, hi, m, start, by_factors in s["params"]
        ),
        source=s["source"],
        residual=s["residual"],
        units=s["units"],
    )
    known = laws.get(law.name) if law.name in laws.names() else None
    if known is None or (known.formula, known.inputs) != (law.formula, law.inputs):
        return law
    # What JSON cannot hold comes from the catalogue: where its fits start, how a program runs.
    return replace(known, predicts=law.predicts, params=law.params, units=law.units)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where a word should")
    return value


def _shaped(values: Any, shape: tuple[int, ...], kind: type = float) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.array(values, kind)
    if array.shape != shape or (kind is float and not np.isfinite(array).all()):
        raise ValueError(f"numbers of shape {array.shape} stand where {shape} should")
    return array


def _rebuild(data: Mapping[str, Any]) -> Fit:
    s = data["state"]
    law = _law(data)
    columns = {
        c: np.array([np.nan if x is None else x for x in v], float)
        if not any(isinstance(x, str) for x in v)
        else np.array(v, object)
        for c, v in s["data"].items()
    }
    runs = RunTable(
        columns=columns,
        source=data["source"],
        hash=data["data_hash"],
        rows=np.array(s["rows"], np.int64),
        dropped=tuple(Dropped(**d) for d in data["dropped"]),
        notes=tuple(data["notes"]),
        origin=_word(s.get("origin", "")),
    )
    spec = Spec(
        law=law,
        objective=Objective(**s["objective"]),
        by=s["by"],
        free=tuple(s["free"]),
        priors={k: (v[0], v[1]) for k, v in s["priors"].items()},
        weights=s["weights"],
        fixed=data["fixed"],
        bounded=tuple(s["bounded"]),
        starts=s["starts"],
        seed=data["seed"],
    )
    problem = build(runs, spec).with_rho(Rho(**s["rho"]))
    p = problem.size
    draws = None
    if s["draws"] is not None:
        d = s["draws"]
        natural = _shaped(d["natural"], (len(d["natural"]), p))
        draws = Draws(data["uncertainty"], natural, d["seed"], tuple(d["notes"]), d["cluster"])
    level = float(data["level"])
    if not 0 < level < 1 or s["rho"]["shape"] not in get_args(Shape):
        raise ValueError(f"level {level}, loss {s['rho']['shape']!r}")
    fit = Fit(
        spec=spec,
        runs=runs,
        problem=problem,
        theta=_shaped(s["theta"], (p,)),
        value=data["objective"]["value"],
        converged=data["converged"],
        at_bound=_shaped(s["at_bound"], (p,), bool),
        covariance=_shaped(s["covariance"], (p, p)),
        flags=tuple(Flag(**f) for f in data["flags"]),
        draws=draws,
        level=level,
        choice=data["choice"],
        profiled=None
        if s["profiled"] is None
        else {k: (_number(a), _number(b)) for k, (a, b) in s["profiled"].items()},
    )
    if s["rivals"]:
        fit = replace(
            fit,
            rivals=tuple((w, fit if d is None else from_dict(d)) for w, d in s["rivals"]),
        )
    return fit
