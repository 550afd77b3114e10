"""Contract of the folder: a new table is tested by being there."""

from __future__ import annotations

import csv
import gzip
import io
import math
from pathlib import Path

import pytest

from forescale import catalogue, datasets
from forescale.datasets import Dataset
from forescale.errors import UnknownName

ROOT = Path(__file__).parents[2]
EVERY = datasets.names()
LABELS = {"schedule", "run", "arch", "task", "act", "rule"}


def rows(dataset: Dataset) -> list[dict[str, str]]:
    data = dataset.path.read_bytes()
    if dataset.path.suffix == ".gz":
        data = gzip.decompress(data)
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.fixture(params=EVERY)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    return datasets.get(request.param)


def test_a_table_is_called_as_its_file(dataset: Dataset):
    assert dataset.name == Path(dataset.file).name.split(".")[0]
    assert dataset.name in EVERY
    assert datasets.path(dataset.name) == dataset.path


def test_the_columns_are_the_described_ones(dataset: Dataset):
    assert list(rows(dataset)[0]) == list(dataset.columns)
    for unit, meaning in dataset.columns.values():
        assert isinstance(unit, str)
        assert meaning


def test_every_cell_is_finite_or_a_label(dataset: Dataset):
    for row in rows(dataset):
        for column, cell in row.items():
            assert cell, f"{column} is empty in {row}"
            if column not in LABELS:
                assert math.isfinite(float(cell)), f"{column}={cell}"


def test_no_row_comes_twice(dataset: Dataset):
    seen = [tuple(row.items()) for row in rows(dataset)]
    assert len(set(seen)) == len(seen)


def test_a_table_is_small_enough_to_ship(dataset: Dataset):
    assert dataset.path.stat().st_size < 450_000


def test_the_recipe_is_in_the_repository(dataset: Dataset):
    assert (ROOT / dataset.recipe).is_file()


def test_the_reader_takes_every_row(dataset: Dataset):
    table = dataset.load()
    finals = [r for r in rows(dataset) if r.get("is_final", "1") == "1"]
    assert len(table) == len(finals)
    assert not table.dropped


def test_an_unknown_table_names_its_neighbours():
    with pytest.raises(UnknownName, match="stdlib_bytes"):
        datasets.get("stdlib_byte")
    assert catalogue.names("forescale.datasets") == EVERY
