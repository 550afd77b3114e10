"""A run that was to test the lab and skipped all of it does not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.parametrize(
    ("body", "required", "code"),
    [
        ("pytest.skip('no torch')", "1", 1),
        ("pytest.skip('no torch')", "0", 0),
        ("pass", "1", 0),
    ],
)
def test_skipping_every_lab_test_fails_only_where_they_are_required(
    python, tmp_path: Path, body: str, required: str, code: int
) -> None:
    (tmp_path / "conftest.py").write_text((HERE / "conftest.py").read_text("utf-8"))
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = lab\n")
    # Whether torch is here must not matter to this test: the marker skips where it is not.
    (tmp_path / "torch.py").touch()
    (tmp_path / "test_lab.py").write_text(
        f"import pytest\n\n@pytest.mark.lab\ndef test_one():\n    {body}\n\ndef test_two(): pass\n"
    )
    env = {"FORESCALE_REQUIRE_LAB": required, "PYTEST_ADDOPTS": ""}
    child = python("-m", "pytest", "-q", "-p", "no:cacheprovider", env=env)
    assert child.returncode == code, child.stdout + child.stderr
    assert ("every lab test was skipped" in child.stderr) is (code == 1)
