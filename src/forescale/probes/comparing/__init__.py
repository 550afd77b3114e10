"""Functions of two models: how alike they are, how to line them up, what lies between them.

spec = chain(a)
b.load_state_dict(permuted(b, match(a, b, spec), spec))
barrier(a, b, (x, y), loss)     # by how much the loss between them exceeds their own
barrier(a, b, (x, y), loss, by=bent(a, b, (x, y), loss))   # the same on a curve between them
"""

from __future__ import annotations

from forescale.probes.comparing.between import barrier, bent, path
from forescale.probes.comparing.cka import linear_cka
from forescale.probes.comparing.matching import chain, match, permuted

__all__ = ["barrier", "bent", "chain", "linear_cka", "match", "path", "permuted"]
