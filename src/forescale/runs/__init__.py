"""The run table: one row per measurement, typed columns under canonical names."""

from forescale.runs.reading import read
from forescale.runs.select import compute, frontier, isoflop_groups, scale_name, scale_order
from forescale.runs.table import Dropped, RunTable

__all__ = [
    "Dropped",
    "RunTable",
    "compute",
    "frontier",
    "isoflop_groups",
    "read",
    "scale_name",
    "scale_order",
]
