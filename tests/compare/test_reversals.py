"""A comparison that turns around within groups is flagged, and one that does not is not."""

from __future__ import annotations

import numpy as np
import pytest

from forescale.compare import compare
from forescale.compare.reversals import reversals
from forescale.fit import specify
from forescale.laws import get
from forescale.runs import RunTable

LAW = get("power")
T = dict(LAW.typical)


def mixed(share: float, seed: int = 0) -> RunTable:
    """New is 1 % worse on each corpus; a `share` of its runs, and the rest of base's, are easy."""
    rng = np.random.default_rng(seed)
    c = np.tile(np.logspace(17, 20, 20), 2)
    new = np.repeat([False, True], 20)
    place = np.tile(rng.permutation(20), 2)
    easy = np.where(new, place < 20 * share, place >= 20 * share)
    level = np.where(easy, 0.9, 1.0) * np.where(new, 1.01, 1.0)
    loss = level * LAW.predict({"C": c}, T) * np.exp(2e-3 * rng.normal(size=40))
    return RunTable({
        "C": c, "L": loss, "method": np.where(new, "new", "base").astype(object),
        "corpus": np.where(easy, "easy", "hard").astype(object),
    })  # fmt: skip


def test_an_easy_corpus_does_not_make_a_method_better() -> None:
    made = compare(mixed(0.8), "method", resamples=99)
    (found,) = made.reversals
    assert (found.column, found.leader, found.inside, found.values) == (
        "corpus", "new", "base", (2, 2),
    )  # fmt: skip
    assert not made.trusted
    assert "within 2 of 2 values of corpus" in made.summary()
    assert made.to_dict()["reversals"][0]["leader_within"] == "base"


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_equal_or_opposite_shares_flag_nothing(share: float) -> None:
    # At a half nothing is hidden; below it the hard corpus makes new look as bad as it is.
    runs = mixed(share)
    assert reversals(runs, specify(runs, "power", by="method"), "new", "base", -1.0) == ()
