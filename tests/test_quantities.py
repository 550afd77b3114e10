"""Names and numbers as people write them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forescale.errors import BadOption
from forescale.quantities import (
    QUANTITIES,
    flops_6nd,
    format_error,
    format_number,
    parse_number,
    parse_ratio,
    recognise,
    spelling,
    unit_of,
)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("params", "N"),
        ("n_params", "N"),
        ("Num Params", "N"),
        ("MODEL-SIZE", "N"),
        ("N", "N"),
        ("non_embedding_params", "N_nonembed"),
        ("params_nonembed", "N_nonembed"),
        ("active params", "N_active"),
        ("total_parameters", "N_total"),
        ("tokens", "D"),
        ("num_input_tokens_seen", "D"),
        ("throughput/total_tokens", "D"),
        ("unique_tokens", "U"),
        ("flops", "C"),
        ("FLOPs_6ND", "C"),
        ("compute", "C"),
        ("flops_budget", "C"),
        ("loss", "L"),
        ("eval/loss", "L"),
        ("validation_loss", "L"),
        ("loss (nats)", "L"),
        ("loss_final", "L"),
        ("log_perplexity", "L"),
        ("val_bpb", "L"),
        ("ppl", "L"),
        ("examples", "n"),
        ("n", "n"),
        ("batch_tokens", "batch"),
        ("B", "batch"),
        ("lr_peak", "lr"),
        ("steps", "S"),
        ("global_step", "step"),
        ("acc,none", "score"),
    ],
)
def test_spellings_people_use_are_recognised(header, name):
    assert recognise(header) == name


@pytest.mark.parametrize(
    "header",
    [
        "d",
        "c",
        "l",
        "zeta",
        "",
        "loss_raw",
        "batch_size",
        "()",
        "d_model",
        "weight_decay",
        "params_dense",
    ],
)
def test_what_is_not_sure_is_not_recognised(header):
    assert recognise(header) is None


def test_no_spelling_means_two_things():
    seen = {}
    for quantity in QUANTITIES.values():
        for word in {spelling(w) for w in (quantity.name, *quantity.aliases) if len(w) > 1}:
            assert seen.setdefault(word, quantity.name) == quantity.name, word


def test_every_alias_has_a_unit_and_a_meaning():
    for quantity in QUANTITIES.values():
        assert quantity.meaning
        for alias in quantity.aliases:
            assert unit_of(alias) == quantity.unit
    assert unit_of("zeta") == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7B", 7e9),
        ("70 B", 70e9),
        ("1.5T", 1.5e12),
        ("400M", 4e8),
        ("12k", 12e3),
        ("6e20", 6e20),
        ("1_000_000", 1e6),
        ("1,000,000", 1e6),
        ("1 000 000", 1e6),
        ("2.5e-3", 2.5e-3),
        ("-5", -5),
        (" .5 ", 0.5),
        ("3%", 0.03),
        ("6x10^20", 6e20),
        ("10^20", 1e20),
        ("7 billion", 7e9),
        ("1.4T tokens", 1.4e12),
        ("\u22121", -1),
        ("1E3", 1e3),
        ("+2", 2),
    ],
)
def test_numbers_as_people_write_them(text, value):
    assert parse_number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5xC",
        "1,5",
        "nan",
        "inf",
        "1e999",
        "abc",
        "1.2.3",
        "7Q",
        "1,0000",
        "--1",
        "e5",
        "_1",
        "1e99999999999",
        "7 B B",
    ],
)
def test_what_is_no_number_is_refused_with_a_fix(text):
    with pytest.raises(BadOption) as caught:
        parse_number(text)
    assert caught.value.fix


def test_ratios_count_tokens_per_parameter():
    assert parse_ratio("5xC") == 100
    assert parse_ratio("0.5 xC") == 10
    assert parse_ratio("20:1") == 20
    assert parse_ratio("8") == 8
    for bad in ("", "xC", "-1", "0xC", "a:1"):
        with pytest.raises(BadOption):
            parse_ratio(bad)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_formatted_number_is_read_back(x):
    assert math.isclose(parse_number(format_number(x)), x, rel_tol=6e-4, abs_tol=1e-320)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_refused(text):
    try:
        assert math.isfinite(parse_number(text))
    except BadOption as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (7e9, "7B"),
        (1.5e12, "1.5T"),
        (6e20, "6e20"),
        (176576256, "176.6M"),
        (12000, "12k"),
        (1234, "1234"),
        (0.001, "0.001"),
        (2.5e-5, "2.5e-5"),
        (0, "0"),
        (999_960_000, "1B"),
        (float("nan"), "nan"),
        (-7e9, "-7B"),
    ],
)
def test_numbers_are_shown_short(x, text):
    assert format_number(x) == text


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (1.7761, 0.0191, "1.776(19)"),
        (441.3, 38.0, "440(40)"),
        (1643, 512, "1600(500)"),
        (0.3441, 0.005, "0.344(5)"),
        (0.36, 0.015, "0.360(15)"),
        (0.827, 0.119, "0.83(12)"),
        (0.827, 0.367, "0.8(4)"),
        (0.827, 0.0967, "0.83(10)"),
        (12.3, 1.2, "12.3(1.2)"),
        (1.23e22, 1.5e21, "1.23(15)e22"),
        (5e-9, 2e-10, "5.00(20)e-9"),
        (1.5, 0, "1.5"),
        (1.5, float("nan"), "1.5(?)"),
        (1.5, float("inf"), "1.5(inf)"),
        (float("nan"), 1, "nan"),
        (0, 0.1, "0.00(10)"),
    ],
)
def test_the_error_sets_the_digits(value, sd, text):
    assert format_error(value, sd) == text


@given(st.floats(), st.floats())
def test_any_value_with_any_error_is_shown_in_a_few_characters(value, sd):
    text = format_error(value, sd)
    assert text and ("e" in text or len(text) < 350)


def test_compute_is_six_n_d():
    assert flops_6nd(7e9, 2e12) == 8.4e22
    np.testing.assert_array_equal(flops_6nd(np.array([1.0, 2.0]), 10.0), [60.0, 120.0])
