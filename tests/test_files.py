"""Files whole or not at all: what every room that writes one relies on."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from forescale import files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "fit.json"
    files.write(path, "old\r\nlines\n")
    assert path.read_bytes() == b"old\r\nlines\n"
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "new \ud800")
    with pytest.raises(FileNotFoundError):
        files.write(tmp_path / "no" / "fit.json", "new")
    assert path.read_bytes() == b"old\r\nlines\n"
    assert [p.name for p in tmp_path.iterdir()] == ["fit.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes, links and devices")
def test_a_link_is_followed_a_device_is_written_and_the_umask_holds(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    old = os.umask(0o022)
    try:
        files.write(tmp_path / "link.json", "new")
    finally:
        os.umask(old)
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real.json").stat().st_mode) == 0o644
    files.write("/dev/null", "gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


WRITER = """
import sys
from forescale import files
while True:
    for letter in "ab":
        files.write(sys.argv[1], letter * 100_000)
"""


def test_a_reader_never_sees_half_of_it_even_if_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    files.write(path, "a" * 100_000)
    for _ in range(3):
        source = {"PYTHONPATH": str(Path(files.__file__).parents[1])}
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], env=os.environ | source
        )
        try:
            first = path.stat().st_ino
            while path.stat().st_ino == first:
                assert writer.poll() is None
            for _ in range(30):
                assert path.read_text() in ("a" * 100_000, "b" * 100_000)
        finally:
            writer.kill()
            writer.wait()
        assert path.read_text() in ("a" * 100_000, "b" * 100_000)


def test_append_adds_what_it_makes_of_the_text_so_far(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    seen: list[str] = []

    def more(text: str) -> str:
        seen.append(text)
        return f"{len(seen)}\n"

    for _ in range(3):
        files.append(path, more)
    assert seen == ["", "1\n", "1\n2\n"]
    assert path.read_text() == "1\n2\n3\n"
    files.append(path, lambda text: "")
    assert path.read_text() == "1\n2\n3\n"


def test_an_append_that_comes_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"

    def fail(text: str) -> str:
        raise ValueError("no")

    files.append(path, lambda text: "")
    with pytest.raises(ValueError, match="no"):
        files.append(path, fail)
    assert list(tmp_path.iterdir()) == []
    path.write_text("kept")
    with pytest.raises(ValueError, match="no"):
        files.append(path, fail)
    assert path.read_text() == "kept"
