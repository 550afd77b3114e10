"""Where a quick check reads a live network: torch, or the word that it is not there."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from forescale.errors import NotReached


def live() -> Any:
    """The torch module.

    Raises:
        NotReached: If torch is not installed.
    """
    try:
        found = importlib.util.find_spec("torch") is not None
    except ImportError:
        found = False
    if not found:
        raise NotReached(
            "the networks that are read need torch, which is not installed",
            fix="pip install 'forescale[lab]'",
        )
    return importlib.import_module("torch")
