"""Forecasts on record: what is kept, that asking twice changes nothing, and that edits are seen."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from forescale.errors import BadOption, BadTable, UnknownName
from forescale.fit import Fit, fit
from forescale.forecast import QUANTILES, Forecast, forecast
from forescale.forecast.records import FILE, Truth, parse, place_of, read, register, settle
from forescale.runs import RunTable
from forescale.uncertainty import assess

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def fitted(power: Callable[..., RunTable]) -> Fit:
    return assess(fit(power(), "power", starts=32), "sandwich", resamples=200)


@pytest.fixture(scope="module")
def one(fitted: Fit) -> Forecast:
    return forecast(fitted, {"C": 1e22})


@pytest.fixture(scope="module")
def two(fitted: Fit) -> Forecast:
    return forecast(fitted, {"C": [1e22, 1e23]})


@pytest.fixture(scope="module")
def lines(fitted: Fit, one: Forecast, two: Forecast, tmp_path_factory) -> list[str]:
    """Three records and a truth, as written."""
    path = tmp_path_factory.mktemp("records") / "r.jsonl"
    for made in (one, two, forecast(fitted, {"C": 3e22})):
        register(made, path, now=NOON)
    settle(path, [Truth(read(path).records[0].name(0), 2.0, "given")], now=NOON)
    return path.read_text().splitlines()


def test_a_record_holds_the_forecast_its_date_and_what_it_was_made_from(
    two: Forecast, tmp_path: Path
) -> None:
    late = datetime(2026, 11, 21, 14, tzinfo=timezone(timedelta(hours=2)))
    record, new = register(two, tmp_path / "r.jsonl", now=late)
    assert new
    assert read(tmp_path / "r.jsonl").records == (record,)
    assert (record.date, record.law, record.output) == ("2026-11-21T12:00:00Z", "power", "L")
    assert (record.data_hash, record.source) == (two.fit.runs.hash, two.fit.runs.source)
    assert (record.verdict, record.trusted) == (two.verdict.text, two.trusted)
    for place, point in zip(record.places, two.points, strict=True):
        assert place.inputs == point.inputs
        assert tuple(place.quantiles) == QUANTILES
        assert place.quantiles[0.05] == point.band.lo
        assert place.quantiles[0.5] == point.band.median
        assert list(place.quantiles.values()) == sorted(place.quantiles.values())
        assert place.rivals == point.rivals
        assert set(place.rivals) == {"best so far", "straight line"}


def test_the_naive_line_on_record_is_that_of_the_forecast_s_own_group() -> None:
    c = np.tile(np.logspace(18, 20, 8), 2)
    group = np.repeat(["a", "b"], 8)
    loss = np.where(group == "a", 900.0, 1500.0) * c**-0.15
    table = RunTable({"C": c, "kind": group.astype(object), "L": loss})
    fitted = fit(table, "power", by="kind", free=("A",), starts=16)
    at = {"C": 1e22}
    for name, a in (("a", 900.0), ("b", 1500.0)):
        (point,) = forecast(fitted, at, group=name, test=False, resamples=50).points
        assert point.rivals["straight line"] == pytest.approx(a * 1e22**-0.15, rel=1e-9)


def test_the_same_question_is_put_on_record_once(
    one: Forecast, fitted: Fit, tmp_path: Path
) -> None:
    path = tmp_path / "r.jsonl"
    first, _ = register(one, path, now=NOON)
    before = path.read_bytes()
    again, new = register(forecast(fitted, {"C": 1e22}), path)
    assert (again, new) == (first, False)
    assert path.read_bytes() == before
    for other in (
        forecast(fitted, {"C": 1.1e22}),
        forecast(fitted, {"C": 1e22}, level=0.5),
        forecast(fitted, {"C": 1e22}, drift=0.01),
        forecast(fit(fitted.runs, "power", objective="lsq", starts=32), {"C": 1e22}, resamples=200),
    ):
        assert register(other, path)[1]
    assert len(read(path).records) == 5


def test_a_folder_means_the_file_in_it(one: Forecast, tmp_path: Path) -> None:
    register(one, tmp_path)
    assert place_of(tmp_path) == tmp_path / FILE
    assert [p.name for p in tmp_path.iterdir()] == [FILE]
    assert len(read(tmp_path).records) == 1


def test_the_chain_is_whole_and_its_head_vouches_for_all(lines: list[str]) -> None:
    kept = parse("\n".join(lines) + "\n\n", source="r.jsonl")
    assert (len(kept.records), len(kept.truths)) == (3, 1)
    assert kept.head == json.loads(lines[-1])["hash"]
    # Spacing and order of keys are no content.
    spaced = [json.dumps(dict(reversed(json.loads(line).items())), indent=None) for line in lines]
    assert parse("\n".join(spaced), source="r.jsonl") == kept


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("seal", [False, True], ids=["edited", "edited and hashed again"])
def test_an_edited_line_is_named_wherever_it_stands(
    line: int, seal: bool, lines: list[str]
) -> None:
    from forescale.forecast import records

    edited = json.loads(lines[line])
    edited["date"] = "2020-01-01T00:00:00Z"
    if seal:
        edited["hash"] = records._hash(edited)
    text = "\n".join([*lines[:line], json.dumps(edited), *lines[line + 1 :]])
    if seal and line == 3:
        # The newest line is vouched for by the head alone.
        assert parse(text, source="r.jsonl").head != json.loads(lines[3])["hash"]
        return
    with pytest.raises(BadTable) as error:
        parse(text, source="r.jsonl")
    assert f"r.jsonl, line {line + 2 if seal else line + 1}: " in str(error.value)
    assert edited["hash"][:8] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "order", [(1, 2, 3), (0, 2, 3), (0, 1, 3), (1, 0, 2, 3), (0, 1, 1, 2, 3), (0, 2, 1, 3)]
)
def test_a_line_removed_moved_or_doubled_is_seen(order: tuple[int, ...], lines: list[str]) -> None:
    with pytest.raises(BadTable, match="does not follow"):
        parse("\n".join(lines[i] for i in order), source="r.jsonl")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("params,loss\n1e6,3\n", "line 1: this is no forecast record"),
        ('{"kind": "fit"}\n', "no forecast record"),
        ("[1]\n", "no forecast record"),
        ('{"kind": "forecast record", "schema": 9, "hash": "", "previous": ""}', "schema 9"),
    ],
)
def test_what_holds_no_records_is_refused_and_left_as_it_was(
    text: str, says: str, one: Forecast, tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(text)
    for call in (lambda: read(path), lambda: register(one, path)):
        with pytest.raises(BadTable, match=says):
            call()
    assert path.read_text() == text


def test_half_a_line_is_named_and_nothing_is_put_after_it(
    one: Forecast, lines: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text("\n".join([*lines[:2], lines[2][:100]]))
    with pytest.raises(BadTable, match="line 3: this is no forecast record, or half of one"):
        register(one, path)


def test_a_file_without_its_last_line_end_is_added_to(
    one: Forecast, fitted: Fit, tmp_path: Path
) -> None:
    path = tmp_path / "r.jsonl"
    register(one, path)
    path.write_text(path.read_text().rstrip("\n"))
    register(forecast(fitted, {"C": 2e22}), path)
    assert len(read(path).records) == 2


def test_a_file_that_cannot_be_written_or_read_is_one_line(one: Forecast, tmp_path: Path) -> None:
    with pytest.raises(BadOption, match="cannot write"):
        register(one, tmp_path / "no" / "r.jsonl")
    with pytest.raises(BadTable, match="cannot read the records"):
        read(tmp_path / "none.jsonl")


def test_a_name_may_be_cut_short_and_must_tell_the_place(lines: list[str]) -> None:
    kept = parse("\n".join(lines), source="r.jsonl")
    single, several = kept.records[:2]
    assert kept.find(single.hash) == (single, 0)
    assert kept.find(f" {single.id.upper()[:6]} ") == (single, 0)
    assert kept.find(f"{single.id}.1") == (single, 0)
    assert kept.find(f"{several.id}.2") == (several, 1)
    for name in (several.id, f"{several.id}.0", f"{several.id}.3", f"{several.id}.x"):
        with pytest.raises(BadOption, match="forecasts 2 runs"):
            kept.find(name)
    for name in ("", "zzzz", "."):
        with pytest.raises(UnknownName):
            kept.find(name)


WRITER = """
import sys
from forescale import files
from forescale.forecast import records
for k in range(25):
    name = f"{sys.argv[2]}{k}"
    def line(text):
        head = records.parse(text, source="r").head
        told = {"kind": "truth", "schema": 1, "date": "", "of": name, "value": 1.0, "where": ""}
        return records._sealed(told, head)
    files.append(sys.argv[1], line)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no file locks there")
def test_two_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    both = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter]) for letter in "ab"]
    assert [p.wait(60) for p in both] == [0, 0]
    assert sorted(t.of for t in read(path).truths) == sorted(
        f"{letter}{k}" for letter in "ab" for k in range(25)
    )
