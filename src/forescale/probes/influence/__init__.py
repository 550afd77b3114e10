"""Which training examples a network's loss on a query hangs on."""

from __future__ import annotations

from forescale.probes.influence._influence import Influence, influence

__all__ = ["Influence", "influence"]
