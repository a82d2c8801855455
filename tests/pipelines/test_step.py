"""A step says one line when it ends well, and nothing when it does not."""

import re

import pytest

from pipelines.step import size, step


def test_one_line_says_what_was_read_and_written_and_how_long(capsys):
    """The line is for people: plain, and the same shape for every step."""
    with step("collect") as summary:
        summary.read, summary.wrote = "2 tables", "1 file"
    assert re.fullmatch(r"collect   read 2 tables; wrote 1 file; \d+\.\d s\n", capsys.readouterr().out)


def test_a_step_that_fails_claims_nothing(capsys):
    """No line on an error: the traceback or the message speaks."""
    with pytest.raises(RuntimeError), step("collect"):
        raise RuntimeError
    assert capsys.readouterr().out == ""


def test_sizes_are_in_megabytes(tmp_path):
    """Two files of half a megabyte are one."""
    for name in "ab":
        (tmp_path / name).write_bytes(bytes(500_000))
    assert size(tmp_path / "a", tmp_path / "b") == "1.0 MB"


def test_a_missing_input_ends_the_step_with_the_next_command():
    """No traceback for somebody who ran a step too early."""
    with pytest.raises(SystemExit, match="split: no data: run `make validate`"), step("split"):
        raise FileNotFoundError("no data: run `make validate`")
