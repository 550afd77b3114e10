"""What an analysis chose, as one text: the same words on the same data ask the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from forescale.fit import Fit

#: Choices that change how long a fit takes and what its noise is, not what is asked.
NO_CHOICE = ("law", "seed", "starts")


def analysis(fit: Fit) -> dict[str, Any]:
    """The choices behind a fit: rows, laws tried, objective, groups, bounds, priors, weights."""
    spec = fit.spec
    tried = [c["formula"] for c in fit.choice["candidates"]] if fit.choice else []
    return {
        "data": fit.runs.hash,
        "laws": sorted(tried) or [spec.law.formula],
        "spec": {k: v for k, v in vars(spec).items() if k not in NO_CHOICE},
        "bounds": None if tried else [[p.name, p.lower, p.upper] for p in spec.law.params],
        "output": spec.law.predicts,
    }


def digest(asked: Mapping[str, Any]) -> str:
    """sha256 hex of choices."""
    return hashlib.sha256(text(asked).encode()).hexdigest()


def text(value: Any) -> str:
    """One text for one content, whatever the order and the spacing it was written in."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    )


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else vars(value)
