"""What the study on simple strings is built of, against known answers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from forescale.studies.low_complexity_prior import (
    bound,
    code_length,
    lempel_ziv,
    log_probability,
    marginal,
    strings,
)


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        # The example of Lempel and Ziv 1976: 0.001.10.100.1000.101.
        ("0001101001000101", 6),
        ("0000000000", 2),
        ("0101010101", 3),
        ("1", 1),
    ],
)
def test_phrases_are_those_of_the_paper(text, phrases) -> None:
    assert lempel_ziv(np.array([int(c) for c in text])) == phrases


def test_probabilities_of_all_strings_add_up_to_one_and_look_only_back() -> None:
    every = np.array(list(itertools.product((0, 1), repeat=6)))
    logs = log_probability(np.random.default_rng(0), every, 3.0)
    assert np.exp(logs).sum() == pytest.approx(1, abs=1e-5)
    assert np.exp(logs).std() > 0


def test_strings_span_complexities_and_the_marginal_is_a_mean() -> None:
    found = {lempel_ziv(s) for s in strings(np.random.default_rng(0), 80)}
    assert min(found) <= 2
    assert max(found) >= 6
    logs = np.log(np.array([[0.1, 0.2], [0.3, 0.4]]))
    np.testing.assert_allclose(np.exp(marginal(logs)), [0.2, 0.3])


def test_the_code_of_repeated_symbols_is_short_and_of_fair_ones_is_their_number() -> None:
    rng = np.random.default_rng(0)
    assert code_length(np.zeros(1000, np.int64), 3) < 15
    assert code_length(rng.integers(0, 2, 1000), 2) == pytest.approx(1000, abs=15)
    # One symbol of two: half a chance, one bit.
    assert code_length(np.zeros(1, np.int64), 2) == pytest.approx(1)


def test_the_bound_is_the_error_and_a_root_that_falls_with_examples() -> None:
    assert bound(0.1, 0, 10**12) == pytest.approx(0.1, abs=1e-5)
    assert bound(0.0, 100, 50) == pytest.approx(((100 * np.log(2) - np.log(0.05)) / 100) ** 0.5)
