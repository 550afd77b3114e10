"""The run table: one row per measurement, typed columns under canonical names."""
from forescale.runs.table import RunTable
