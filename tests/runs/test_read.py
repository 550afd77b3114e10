"""What a user gets from `read` for the tables people have."""

from __future__ import annotations

import gzip
import importlib
import io
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

from forescale.errors import BadOption, BadTable, UnknownName
from forescale.runs import RunTable, read

ROWS = [
    {"params": 1e8, "tokens": 2e9, "loss": 3.5, "group": "a"},
    {"params": 2e8, "tokens": 4e9, "loss": 3.2, "group": "b"},
    {"params": 4e8, "tokens": 8e9, "loss": 3.0, "group": "a"},
]
COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
CSV = "params,tokens,loss,group\n1e8,2e9,3.5,a\n2e8,4e9,3.2,b\n4e8,8e9,3.0,a\n"


def write(tmp_path, content, name="runs.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def assert_the_three_runs(runs: RunTable):
    np.testing.assert_allclose(runs["N"], [1e8, 2e8, 4e8])
    np.testing.assert_allclose(runs["D"], [2e9, 4e9, 8e9])
    np.testing.assert_allclose(runs["L"], [3.5, 3.2, 3.0])
    assert runs["group"].tolist() == ["a", "b", "a"]
    assert not runs.dropped


def european(mark: str) -> str:
    return (
        CSV.replace(",", ";")
        .replace("1e8", "100.000.000")
        .replace("3.5", "3" + mark + "5")
        .replace("3.2", "3" + mark + "2")
        .replace("3.0", "3" + mark + "0")
    )


TEXTS = {
    "plain": CSV,
    "bom": b"\xef\xbb\xbf" + CSV.encode(),
    "utf-16": CSV.encode("utf-16"),
    "crlf": CSV.replace("\n", "\r\n"),
    "cr": CSV.replace("\n", "\r"),
    "semicolons": CSV.replace(",", ";"),
    "tabs": CSV.replace(",", "\t"),
    "pipes": CSV.replace(",", "|"),
    "spaces": CSV.replace(",", "   "),
    "excel's sep line": "sep=;\n" + CSV.replace(",", ";"),
    "decimal comma": european(","),
    "quoted headers": CSV.replace("params", '"params"').replace("loss", '"loss"'),
    "blank lines": CSV.replace("\n", "\n\n"),
    "trailing separators": CSV.replace("\n", ",\n"),
    "trailing separators in rows only": CSV.replace("\n", ",\n").replace("group,", "group", 1),
    "comments": "# made by hand\n" + CSV + "# the end\n",
    "header in a comment": "# " + CSV,
    "spaces around cells": CSV.replace(",", " , "),
    "suffixes": CSV.replace("1e8", "100M").replace("2e9", "2B").replace("8e9", "8 B"),
    "quoted thousands": CSV.replace("1e8", '"100,000,000"'),
    "thin spaces": CSV.replace("1e8", "100\u202f000\u202f000"),
    "unit in the header": CSV.replace("params", "params [M]")
    .replace("1e8", "100")
    .replace("2e8", "200")
    .replace("4e8", "400"),
    "unit as a suffix": CSV.replace("tokens", "tokens_B")
    .replace("2e9", "2")
    .replace("4e9", "4")
    .replace("8e9", "8"),
    "loss in nats": CSV.replace("loss", "loss (nats)"),
    "pandas' index": "".join(
        f"{i - 1 if i else ''},{line}\n" for i, line in enumerate(CSV.splitlines())
    ),
    "json records": json.dumps(ROWS),
    "json columns": json.dumps(COLUMNS),
    "json lines": "\n".join(json.dumps(row) for row in ROWS) + "\n",
    "json split": json.dumps({"columns": list(ROWS[0]), "data": [list(r.values()) for r in ROWS]}),
    "json under a key": json.dumps({"version": 1, "runs": ROWS}),
    "json of pandas": json.dumps(
        {k: {str(i): c for i, c in enumerate(v)} for k, v in COLUMNS.items()}
    ),
}


@pytest.mark.parametrize("case", TEXTS)
@pytest.mark.parametrize("name", ["runs.csv", "runs.txt.gz", "noname"])
def test_every_way_to_write_a_table_reads_the_same(case, name, tmp_path):
    content = TEXTS[case] if isinstance(TEXTS[case], bytes) else TEXTS[case].encode()
    if content[:1] == b"[" and name == "runs.csv":
        name = "runs.json"
    path = write(tmp_path, gzip.compress(content) if name.endswith(".gz") else content, name)
    assert_the_three_runs(read(path))


def test_a_bracketed_header_of_a_csv_is_not_taken_for_json(tmp_path):
    path = write(tmp_path, "[a],loss\n1,2\n3,4\n")
    assert read(path)["[a]"].tolist() == [1, 3]


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow", "duckdb"])
def test_frames_of_every_library_are_read(library):
    module = pytest.importorskip(library)
    if library == "pyarrow":
        frame = module.table(COLUMNS)
    elif library == "duckdb":
        pandas = pytest.importorskip("pandas")
        held = pandas.DataFrame(COLUMNS)
        frame = module.from_df(held)
    else:
        frame = module.DataFrame(COLUMNS)
    assert_the_three_runs(read(frame))


@pytest.mark.parametrize("library", ["pyarrow", "polars", "duckdb"])
def test_parquet_is_read_with_whichever_library_is_there(library, tmp_path, monkeypatch):
    pytest.importorskip(library)
    polars = pytest.importorskip("polars")
    path = tmp_path / "runs.parquet"
    polars.DataFrame(COLUMNS).write_parquet(path)
    real = importlib.import_module

    def only_one(name, package=None):
        if name.split(".")[0] in {"pyarrow", "polars", "duckdb"} - {library}:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr("forescale.runs.readers.parquet.importlib.import_module", only_one)
    assert_the_three_runs(read(path))


@pytest.mark.parametrize("backend", ["pandas", "polars"])
def test_a_table_given_back_as_a_frame_reads_as_itself(backend):
    pytest.importorskip(backend)
    runs = read(ROWS)
    again = read(runs.to_native(backend))
    for name in runs.columns:
        np.testing.assert_array_equal(again[name], runs[name])
    assert read(runs.to_dict_of_columns())["C"].tolist() == runs["C"].tolist()


def test_dicts_lists_and_tables_are_read():
    assert_the_three_runs(read(ROWS))
    assert_the_three_runs(read(COLUMNS))
    assert_the_three_runs(read(read(COLUMNS)))
    assert_the_three_runs(read(iter_columns()))


def iter_columns():
    return {name: tuple(cells) for name, cells in COLUMNS.items()}


def test_stdin_is_a_source(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CSV.encode())))
    runs = read("-")
    assert_the_three_runs(runs)
    assert runs.source == "stdin"


def test_rows_are_numbered_as_the_lines_of_the_file(tmp_path):
    path = write(tmp_path, "# note\nparams,loss\n\n1e8,3\n2e8,2.9\n")
    assert read(path).rows.tolist() == [4, 5]


def test_nested_records_are_flattened_with_dots():
    runs = read([{"config": {"lr": 1e-3}, "loss": 3.0}, {"config": {"lr": 2e-3}, "loss": 2.0}])
    assert runs["config.lr"].tolist() == [1e-3, 2e-3]


def test_a_map_names_columns_by_any_alias():
    table = {"eval/c4": [3.0, 2.9], "eval/pile": [2.5, 2.4], "params": [1e8, 2e8], "w": [1, 2]}
    for mapping in ({"L": "eval/c4"}, {"loss": "eval/c4"}, ["val_loss=eval/c4"], "loss=eval/c4"):
        assert read(table, map=mapping)["L"].tolist() == [3.0, 2.9]
    assert read(table, map={"x": "w"})["x"].tolist() == [1, 2]
    with pytest.raises(UnknownName, match="did you mean 'eval/c4'"):
        read(table, map={"loss": "eval/c5"})


def test_plain_loss_wins_over_its_rivals_and_says_so():
    runs = read({"params": [1, 2], "train_loss": [9, 8], "val_loss": [7, 6], "loss": [5, 4]})
    assert runs["L"].tolist() == [5, 4]
    assert any("'val_loss'" in note and "'train_loss'" in note for note in runs.notes)
    assert read({"params": [1, 2], "train_loss": [9, 8], "val_loss": [7, 6]})["L"][0] == 7


def test_total_params_win_over_nonembedding_ones_and_both_stay():
    runs = read({"params": [3e8, 4e8], "params_nonembed": [2e8, 3e8], "loss": [3, 2]})
    assert runs["N"][0] == 3e8 and runs["N_nonembed"][0] == 2e8
    assert any("another count" in note for note in runs.notes)


def test_the_only_count_of_params_stands_in_for_n():
    assert read({"params_nonembed": [2e8, 3e8], "loss": [3, 2]})["N"][0] == 2e8


def test_total_and_active_params_leave_n_open_and_compute_uses_the_active():
    runs = read(
        {
            "params_total": [8e9, 9e9],
            "params_active": [1e9, 2e9],
            "tokens": [1e10, 1e10],
            "loss": [3, 2],
        }
    )
    assert "N" not in runs.columns
    assert runs["C"][0] == 6e19
    assert any("--map params=params_active" in note for note in runs.notes)


def test_the_third_of_n_d_c_is_derived_and_never_overwritten():
    assert read({"params": [1e8], "tokens": [2e9], "loss": [3]})["C"][0] == pytest.approx(1.2e18)
    assert read({"params": [1e8], "flops": [1.2e18], "loss": [3]})["D"][0] == pytest.approx(2e9)
    assert read({"tokens": [2e9], "flops": [1.2e18], "loss": [3]})["N"][0] == pytest.approx(1e8)
    given = read({"params": [1e8], "tokens": [2e9], "flops": [9e18], "loss": [3]})
    assert given["C"][0] == 9e18


@pytest.mark.parametrize(
    ("header", "unit", "value", "expected", "kept"),
    [
        ("loss", "perplexity", np.e, 1.0, "nats/token"),
        ("loss", "bits", 1.0, np.log(2), "nats/token"),
        ("ppl", None, np.e, 1.0, "nats/token"),
        ("loss (bits)", None, 1.0, np.log(2), "nats/token"),
        ("bpb", None, 0.9, 0.9, "bits/byte"),
        ("loss", "bpb", 0.9, 0.9, "bits/byte"),
        ("log_perplexity", None, 0.9, 0.9, "nats/token"),
        ("loss", "relative", -1.0, -1.0, "relative"),
    ],
)
def test_units_of_loss(header, unit, value, expected, kept):
    runs = read({"params": [1e8, 2e8], header: [value, value]}, loss_unit=unit)
    assert runs["L"][0] == pytest.approx(expected)
    assert runs.units["L"] == kept


def test_pf_days_and_exaflops_are_flops():
    assert read({"compute [PF-days]": [1.0, 2.0], "loss": [3, 2]})["C"][0] == 8.64e19
    assert read({"compute (EFLOPs)": [1.0, 2.0], "loss": [3, 2]})["C"][0] == 1e18


def test_labels_that_look_like_numbers_stay_labels():
    runs = read({"size": ["190M", "1B"], "loss": [3, 2], "run": ["2b832b4b", "1e5"]})
    assert runs["size"].tolist() == ["190M", "1B"]
    assert runs["run"].tolist() == ["2b832b4b", "1e5"]


def test_the_hash_names_the_content():
    runs = read(COLUMNS)
    assert runs.hash == read(COLUMNS).hash and len(runs.hash) == 64
    assert read({**COLUMNS, "loss": [3.5, 3.2, 3.1]}).hash != runs.hash
    assert runs.where("N>1e8").hash != runs.hash
    assert runs.where("N>1e8").hash == runs.where("N>1e8").hash


def test_nothing_the_user_gave_is_altered():
    loss = np.array([3.0, 2.9, 2.8])
    runs = read({"params": [1e8, 2e8, 4e8], "loss": loss})
    with pytest.raises(ValueError):
        runs["L"][0] = 1
    loss[0] = 9
    assert runs["L"][0] == 3.0


def test_a_table_survives_pickling():
    runs = read(COLUMNS)
    assert_the_three_runs(pickle.loads(pickle.dumps(runs)))


def test_columns_answer_to_every_name_and_miss_with_a_hint():
    runs = read(COLUMNS)
    assert runs["params"] is runs["N"] and runs["n_params"] is runs["N"]
    assert "tokens" in runs and "nope" not in runs
    with pytest.raises(UnknownName, match="did you mean 'group'"):
        runs["grup"]
    with pytest.raises(UnknownName, match="--map lr=COLUMN|learning_rate=COLUMN"):
        runs["lr"]


def test_a_table_shows_itself():
    runs = read(COLUMNS)
    assert repr(runs) == (
        "RunTable(dict: 3 rows, N 100M..400M, D 2B..8B, C 1.2e18..1.92e19, L 3..3.5)"
    )
    assert "read from 'params'" in runs.summary()
    assert "<table>" in runs._repr_html_()


def test_options_that_mean_nothing_are_refused():
    with pytest.raises(BadOption, match="unit of loss"):
        read(COLUMNS, loss_unit="furlongs")
    with pytest.raises(BadOption, match="final, best"):
        read(COLUMNS, pick="first")
    with pytest.raises(BadOption, match="already has"):
        read(read(COLUMNS), map={"L": "loss"})
    with pytest.raises(BadTable, match="no loss column"):
        read({"params": [1.0]}, loss_unit="bits")


def test_complete_leaves_out_rows_without_a_value():
    runs = read({"params": [1e8, None, 4e8], "tokens": [1e9, 2e9, 4e9], "loss": [3, 2.9, 2.8]})
    assert len(runs) == 3
    whole = runs.complete("N", "D", "L")
    assert len(whole) == 2 and whole.dropped[0].row == 2


def test_importing_the_room_is_light():
    code = (
        "import sys, forescale.runs; "
        "print(sorted({'pandas','polars','scipy','duckdb','pyarrow','narwhals','torch'}"
        " & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
