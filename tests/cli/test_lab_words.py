"""The words of `forescale lab`, and the page at the end of a ladder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forescale import api
from forescale.cli import lab
from forescale.cli._options import Output
from forescale.errors import BadOption
from forescale.fit import fit


def test_rules_and_engines_read_their_words_alike() -> None:
    words = ("a=0.1", "b=1e-4", "c=-2", "d=auto", "e=4G", "f=host:6379", "g=")
    found = {"a": 0.1, "b": 1e-4, "c": -2.0, "d": "auto", "e": "4G", "f": "host:6379", "g": ""}
    assert lab._on(words) == found
    assert lab._rules((f"sam:{','.join(words)}", "clip")) == {"sam": found, "clip": {}}


def test_a_count_reaches_an_engine_as_a_whole_number() -> None:
    assert repr(lab._on(("cpus=4", "minutes=1.5"))) == "{'cpus': 4, 'minutes': 1.5}"


@pytest.mark.parametrize("word", ["cpus", "=4", ""])
def test_a_word_that_names_nothing_is_refused_with_its_option(word: str) -> None:
    with pytest.raises(BadOption, match=f"--on: '{word}' is not NAME=VALUE"):
        lab._on((word,))
    if word:
        with pytest.raises(BadOption, match=f"--rule: '{word}' is not NAME=VALUE"):
            lab._rules((f"sam:{word}",))


def test_the_page_of_a_ladder_has_its_learning_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("vl_convert")
    # Choosing a law takes ten seconds and is tested elsewhere.
    monkeypatch.setattr(api, "fit", lambda runs: fit(runs, "chinchilla", starts=8))
    rng = np.random.default_rng(0)
    header = "run,params,step,tokens,loss"
    ends, points = [header], [header]
    for i in range(24):
        n = 1e5 * 2 ** (i % 6)
        for k in range(1, 6):
            d = n * 10 * 2 ** (i // 6) * 2.0 ** (k - 5)
            loss = 1.7 + 400 / n**0.34 + 410 / d**0.28 + 0.003 * rng.normal()
            points.append(f"r{i},{n:.0f},{2**k},{d:.0f},{loss:.5f}")
        ends.append(points[-1])
    (tmp_path / "runs.csv").write_text("\n".join(ends))
    (tmp_path / "runs_curves.csv").write_text("\n".join(points))
    lab._judged(tmp_path / "runs.csv", Output(report=tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count("<h3>Learning curves</h3>") == 1
    assert page.count("<h3>Where this comes from</h3>") == 1
    assert "24 runs of 6 sizes" in page
