"""The core works, and starts quickly, where no optional dependency is installed."""

from __future__ import annotations

import json

# Importing any of these fails in the child, as on a machine that does not have them.
BLOCK = """
import sys

class Absent:
    names = {"torch", "safetensors", "pandas", "polars", "pyarrow", "matplotlib", "jinja2",
             "vl_convert", "duckdb", "sklearn", "sympy", "ray", "submitit", "distributed"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""

HEAVY = ("torch", "pandas", "polars", "matplotlib", "jinja2", "scipy.optimize", "scipy.stats")


def test_the_core_lists_its_catalogues_without_any_extra(python) -> None:
    child = python(
        "-c",
        BLOCK + "import importlib, importlib.util, forescale\n"
        "from forescale.catalogue import names\n"
        "rooms = [r for r in ('laws', 'datasets', 'studies', 'plan', 'compare', 'cli')\n"
        "         if importlib.util.find_spec(f'forescale.{r}')]\n"
        "for room in rooms:\n"
        "    for name in names(f'forescale.{room}'):\n"
        "        if room != 'studies': importlib.import_module(f'forescale.{room}.{name}')\n"
        "print(rooms)\n",
    )
    assert child.returncode == 0, child.stderr
    assert "datasets" in child.stdout


def test_the_block_is_real(python) -> None:
    child = python("-c", BLOCK + "import torch")
    assert child.returncode == 1
    assert "No module named 'torch'" in child.stderr


def test_importing_forescale_loads_nothing_heavy(python) -> None:
    child = python("-c", "import forescale, json, sys; print(json.dumps(sorted(sys.modules)))")
    assert child.returncode == 0, child.stderr
    loaded = set(json.loads(child.stdout)) & set(HEAVY)
    assert not loaded, f"import forescale loads {sorted(loaded)}; import them inside functions"
