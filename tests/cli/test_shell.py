"""Errors, warnings and exit codes, decided in one place."""

from __future__ import annotations

import subprocess
import sys

import pytest

from forescale.cli import main


@pytest.fixture
def one(verbs):
    """Exit code of a folder with the single verb `thing`."""

    def run(body: str, *words: str) -> int:
        return main(["thing", *words], package=verbs(thing=body))

    return run


def test_what_run_returns_is_the_exit_code(one) -> None:
    assert one("return 3") == 3
    assert one("pass") == 0


def test_the_users_error_is_one_line_and_exit_2(one, capsys) -> None:
    body = "raise BadTable('no loss\\nhere', where='runs.csv', fix='use --map')"
    assert one(body) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "forescale: runs.csv: no loss here; use --map\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--lvel", "0.9"], "Did you mean --level?"),
        (["--seed", "x"], "x"),
        (["--seed"], "--seed requires an argument"),
        (["a.csv", "b.csv"], "b.csv"),
    ],
)
def test_a_wrong_option_is_one_line_with_the_way_to_help(one, capsys, words, says) -> None:
    assert one("return 0", *words) == 2
    err = capsys.readouterr().err
    assert err.startswith("forescale: ")
    assert err.endswith("(see 'forescale thing --help')\n")
    assert err.count("\n") == 1
    assert says in err


def test_an_unknown_verb_names_the_near_miss(verbs, capsys) -> None:
    assert main(["forcast"], package=verbs(forecast="return 0", fit="return 0")) == 2
    assert capsys.readouterr().err == (
        "forescale: there is no command 'forcast'; did you mean 'forecast'?\n"
    )


def test_our_bug_keeps_its_traceback(verbs, python, tmp_path) -> None:
    package = verbs(thing="raise ZeroDivisionError('ours')")
    child = python(
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"from forescale.cli import main; sys.exit(main(['thing'], package={package!r}))",
    )
    assert child.returncode == 1
    assert "Traceback" in child.stderr
    assert "ZeroDivisionError: ours" in child.stderr


def test_our_warning_is_one_line_and_others_keep_their_place(one, capsys) -> None:
    body = """
    warnings.warn("AT BOUND: beta", ForescaleWarning)
    warnings.simplefilter("default")
    warnings.warn("old", DeprecationWarning)
    """
    assert one(body) == 0
    ours, theirs = capsys.readouterr().err.split("\n", 1)
    assert ours == "forescale: warning: AT BOUND: beta"
    assert "DeprecationWarning: old" in theirs


def test_an_interrupt_is_130(one, capsys) -> None:
    assert one("raise KeyboardInterrupt") == 130
    assert capsys.readouterr().err == "forescale: interrupted\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    "body",
    [
        "for i in range(200_000): print(i)",
        "for i in range(20_000): _output.console().print(i)",
        "print('held in the buffer until the end')",
    ],
)
def test_a_reader_that_leaves_is_no_error(verbs, tmp_path, body) -> None:
    package = verbs(thing=body)
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n"
        f"from forescale.cli import main; sys.exit(main(['thing'], package={package!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_env(),
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        said = child.stderr.read()
        assert child.wait(60) == 141
    assert said == b""


def _env() -> dict[str, str]:
    import os
    from pathlib import Path

    import forescale

    return {**os.environ, "PYTHONPATH": str(Path(forescale.__file__).parents[1])}


def test_help_of_a_verb_ends_with_its_example(one, capsys) -> None:
    assert one("raise RuntimeError('help must not run it')", "--help") == 0
    out = capsys.readouterr().out
    assert out.startswith("Usage: forescale thing")
    assert "--map NAME=COLUMN" in out
    assert out.rstrip().endswith("Example:\n  forescale thing runs.csv")


def test_strict_turns_doubt_into_exit_3(one, capsys) -> None:
    body = "return _output.exit_code(['30x beyond the largest run'], strict=output.strict)"
    assert one(body) == 0
    assert one(body, "--strict") == 3
    assert "30x beyond the largest run" in capsys.readouterr().err
    assert one("return _output.exit_code([], strict=True)") == 0
