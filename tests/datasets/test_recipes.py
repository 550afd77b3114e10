"""Every recipe runs on a toy grid and writes tables with the shipped columns."""

from __future__ import annotations

import csv
import gzip
import io
import subprocess
import sys
from pathlib import Path

import pytest

from forescale import datasets

RECIPES = Path(__file__).parents[2] / "recipes"
MADE = {
    r: [d for d in map(datasets.get, datasets.names()) if Path(d.recipe).stem == r]
    for r in sorted({Path(datasets.get(n).recipe).stem for n in datasets.names()})
}
#: The recipe tried in the default suite: the others go the same way and take longer.
QUICKEST = "data_curves"


@pytest.mark.lab
@pytest.mark.parametrize(
    "recipe", [r if r == QUICKEST else pytest.param(r, marks=pytest.mark.slow) for r in MADE]
)
def test_a_recipe_makes_its_tables_and_resumes(recipe: str, tmp_path: Path):
    command = [
        sys.executable,
        str(RECIPES / f"{recipe}.py"),
        "--smoke",
        "--workers",
        "1",
        "--out",
        str(tmp_path),
    ]
    first = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    assert "0 runs finished" in first.stdout
    again = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    assert " 0 to do" in again.stdout
    for dataset in MADE[recipe]:
        data = (tmp_path / dataset.file).read_bytes()
        text = (gzip.decompress(data) if dataset.file.endswith(".gz") else data).decode()
        assert next(csv.reader(io.StringIO(text))) == list(dataset.columns)
