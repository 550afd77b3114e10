"""Whatever the bytes, the reader gives a table or a ForescaleError, never another exception."""

from __future__ import annotations

import gzip
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forescale.errors import ForescaleError
from forescale.runs import RunTable, read

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

CELLS = st.one_of(
    st.sampled_from(
        [
            "1e8",
            "7B",
            "1,5",
            "1.000.000",
            "",
            "nan",
            "inf",
            "-",
            "3%",
            "1e999",
            "0",
            "-1",
            '"',
            '"1,000"',
            "x",
            "#",
            "\u2212",
            "1_000",
            "5xC",
            "=1+1",
            "\ufeff",
        ]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=5),
)
HEADERS = st.sampled_from(
    [
        "params",
        "tokens",
        "loss",
        "flops",
        "run",
        "step",
        "params [M]",
        "N",
        "n",
        "loss_c4",
        "log_flops",
        "ppl",
        "is_final",
        "",
        "L",
        "lr",
        "C",
    ]
)
RECORDS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HEADERS, inner, max_size=3),
    max_leaves=8,
)


def reads_or_refuses(source, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            table = read(source, **options)
        except ForescaleError as error:
            assert "\n" not in str(error) and "\r" not in str(error)
            assert len(str(error)) < 900
            return
    assert isinstance(table, RunTable)
    assert len(table) > 0
    assert repr(table) and table.summary() and table._repr_html_()
    assert all(len(values) == len(table) for values in table.columns.values())


@QUICK
@given(data=st.binary(max_size=200), name=st.sampled_from(["r.csv", "r.json", "r.parquet"]))
def test_arbitrary_bytes(tmp_path, data, name):
    path = tmp_path / name
    path.write_bytes(data)
    reads_or_refuses(path)


@QUICK
@given(text=st.text(max_size=200), zipped=st.booleans())
def test_arbitrary_text(tmp_path, text, zipped):
    data = text.encode("utf-8", "surrogatepass")
    path = tmp_path / "r.csv"
    path.write_bytes(gzip.compress(data) if zipped else data)
    reads_or_refuses(path)


@settings(QUICK, max_examples=300)
@given(
    header=st.lists(HEADERS, min_size=1, max_size=5),
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=6),
    sep=st.sampled_from([",", ";", "\t", "|", " "]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    pick=st.sampled_from([None, "final", "best", "last:2", "all"]),
)
def test_tables_of_strange_cells(tmp_path, header, rows, sep, end, pick):
    width = len(header)
    square = [(row * width)[:width] for row in rows]
    text = end.join(sep.join(cells) for cells in [header, *square])
    path = tmp_path / "r.csv"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    reads_or_refuses(path, pick=pick)


@QUICK
@given(at=st.integers(0, 90), junk=st.binary(max_size=4), cut=st.integers(0, 8))
def test_a_good_table_with_bytes_changed(tmp_path, at, junk, cut):
    good = b"run,step,params,tokens,loss\n" + b"".join(
        b"r%d,%d,1e%d,2e9,3.%d\n" % (i // 3, i, 7 + i // 3, i) for i in range(9)
    )
    path = tmp_path / "r.csv"
    path.write_bytes(good[:at] + junk + good[at + cut :])
    reads_or_refuses(path)


@QUICK
@given(records=st.lists(st.dictionaries(HEADERS, RECORDS, max_size=4), max_size=4))
def test_arbitrary_records(records):
    reads_or_refuses(records)


@QUICK
@given(table=st.dictionaries(HEADERS, st.lists(RECORDS, min_size=2, max_size=2), max_size=4))
def test_arbitrary_columns(table):
    reads_or_refuses(table)


@QUICK
@given(
    expression=st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from(
                [
                    "N",
                    "loss",
                    "group",
                    "zeta",
                    "<",
                    ">=",
                    "=",
                    "!=",
                    " in ",
                    ",",
                    " and ",
                    "&",
                    "1e8",
                    "7B",
                    "a",
                    "'a,b'",
                    '"',
                    "(",
                    "not in",
                    " ",
                ]
            ),
            max_size=8,
        ).map("".join),
    )
)
def test_arbitrary_conditions(expression):
    columns = {"N": [1e8, 2e8, 4e8], "loss": [3.0, 2.9, 2.8], "group": ["a", "b", "a,b"]}
    reads_or_refuses(columns, where=expression)


@pytest.mark.parametrize(
    "mapping", [{"loss": "nope"}, {"": ""}, ["loss"], "loss=zz", {"L": "params", "N": "params"}]
)
def test_a_map_that_fits_nothing_is_refused(mapping):
    with pytest.raises(ForescaleError):
        read({"params": [1e8, 2e8], "loss": [3.0, 2.9]}, map=mapping)
